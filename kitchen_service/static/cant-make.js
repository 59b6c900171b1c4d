// "Can't make" opens its page's form in the ticket.

import { isCutOff } from "./cut-off.js";
import { wrong } from "./undo.js";

export function cantMake() {
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a.cant");
    if (link === null || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const open = link.parentElement.querySelector(".cant-make");
    if (open) {
      open.remove();
      return;
    }
    const form = isCutOff() ? null : await formOf(link.href);
    if (form === null) {
      wrong("No answer: try again.");
    } else if (link.isConnected) {
      link.after(form);
      form.querySelector("input").focus();
      form.closest(".ticket").scrollIntoView({ block: "nearest" });
    }
  });
}

async function formOf(url) {
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(8000) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector(".cant-make");
  } catch {
    return null;
  }
}
