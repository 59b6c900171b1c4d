// Sells a dish out, or brings it back, with one touch: its own form is sent, and the answer's parts are put in place.

import { alarm, say } from "./say.js";

const PATIENCE = 8000; // milliseconds
const waiting = new Set(); // names of dishes whose answer is on the way

/** From now on; `afterwards()` is called when a part has been replaced. */
export function sellOutInPlace(afterwards) {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form.sell-out");
    if (!form) return;
    event.preventDefault();
    send(form, event.submitter, afterwards);
  });
}

async function send(form, button, afterwards) {
  const { name } = form.dataset;
  if (waiting.has(name)) return;
  waiting.add(name);
  button.setAttribute("aria-disabled", "true");
  const fields = new URLSearchParams(new FormData(form, button));
  fields.set("by", "script");
  const notSaved = document.getElementById("not-saved");
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields, signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status >= 500) throw new Error(answer.statusText);
    if (answer.redirected || !answer.ok) {
      location.reload(); // signed out, or the dish is gone: the page says so
      return;
    }
    const isInList = form.closest("#sold-out") !== null;
    const hadFocus = form.contains(document.activeElement);
    const row = put(await answer.text());
    afterwards();
    if (hadFocus) {
      const next = isInList ? document.querySelector("#sold-out button") : null;
      (next ?? row.querySelector(".sell-out button")).focus({ preventScroll: true });
    }
    notSaved.hidden = true;
    say(`${name} ${row.classList.contains("dish-sold-out") ? "is sold out" : "is back on the menu"}`);
  } catch {
    button.removeAttribute("aria-disabled");
    notSaved.hidden = false;
    notSaved.scrollIntoView({ block: "nearest" });
    alarm(notSaved.textContent);
  } finally {
    waiting.delete(name);
  }
}

/** Puts each part of `html`, our own server's, in the place of the one with its id; returns the dish's row. */
function put(html) {
  const parts = document.createElement("template");
  parts.innerHTML = html;
  const [row] = parts.content.children;
  for (const part of [...parts.content.children]) document.getElementById(part.id)?.replaceWith(part);
  return row;
}
