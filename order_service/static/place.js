// Placing: the form goes to the server as it is, once, however often it is tapped. No answer is no harm: the key that is
// kept with the cart makes the server take it once, so it can be sent again.

import { clear, lines, save } from "./cart.js";
import { alarm } from "./say.js";

const PATIENCE = 8000; // milliseconds without an answer

let isSending = false;
let isDecided = false;

/** Sends the form when it is sent. `show()` is called when the answer's HTML stands in the page. */
export function sendByScript(show) {
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "order-form") return;
    event.preventDefault();
    if (!isSending) send(event.target, show);
  });
}

async function send(form, show) {
  wait(true);
  const patience = setTimeout(doubt, PATIENCE);
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: fieldsOf(form),
      headers: { accept: "text/html" },
    });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (isDecided) return; // an answer to a sending of before was faster
    clearTimeout(patience);
    if (answer.status >= 500) doubt();
    else take(page, show);
  } catch {
    clearTimeout(patience);
    if (!isDecided) doubt(); // cut off: it may have arrived
  }
}

/** The form's fields; what is in the cart is the cart's to say. */
function fieldsOf(form) {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (!/^[qpn][a-z2-7]{8}$/.test(name)) fields.append(name, value);
  }
  for (const [tag, line] of lines) {
    fields.append(`q${tag}`, line.quantity);
    fields.append(`p${tag}`, line.seen);
    if (line.note.trim()) fields.append(`n${tag}`, line.note);
  }
  fields.append("by", "script");
  return fields;
}

function take(page, show) {
  const placed = page.getElementById("placed");
  if (placed) {
    isDecided = true;
    clear();
    sessionStorage.removeItem("expedite.fields");
    location.assign(placed.href);
    return;
  }
  const form = page.getElementById("order-form");
  if (form) {
    document.getElementById("order-form").replaceWith(form);
    const who = page.querySelector(".order-who"); // it may have turned out that they are signed out
    if (who) document.querySelector(".order-who")?.replaceWith(who);
    document.title = page.title;
    isSending = false;
    save(); // with the key that the answer has
    show();
    document.getElementById("summary")?.focus();
    return;
  }
  wait(false);
  const unsure = document.getElementById("unsure");
  unsure.querySelector("strong").textContent = page.querySelector("main h1")?.textContent ?? "Not placed";
  unsure.querySelector("span").textContent = page.querySelector("main p")?.textContent ?? "Load this page again.";
  unsure.hidden = false;
}

function wait(isWaiting) {
  isSending = isWaiting;
  document.getElementById("unsure").hidden = true;
  const button = document.getElementById("place");
  button.setAttribute("aria-disabled", String(isWaiting));
  button.querySelector(".place-word").textContent = isWaiting ? "Placing…" : "Place order";
}

function doubt() {
  wait(false);
  const unsure = document.getElementById("unsure");
  unsure.querySelector("strong").textContent = "Not sure it arrived.";
  unsure.querySelector("span").textContent = "Send it again: it is placed once.";
  unsure.hidden = false;
  document.querySelector("#place .place-word").textContent = "Send again";
  alarm("Not sure it arrived. Send again.");
}
