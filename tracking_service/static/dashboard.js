// Keeps the dashboard up to date: parts come as HTML from the server and take the place of what was there.

import { age, clock, everySecond, now } from "./clock.js";
import { live } from "./live.js";
import { say } from "./say.js";

const indicator = document.getElementById("live");
const waiting = new Map(); // parts that came while something was held down, by name
let isHeld = false;

live("/dashboard/stream", {
  on: { change: take, reset: take },
  onLost: () => (indicator.hidden = true),
  onBack: () => {
    indicator.hidden = false;
    say("Connected again.");
  },
});

everySecond(() => {
  document.getElementById("clock").textContent = clock(now());
  tellAges(document);
});

// What somebody is about to press stays where it is until they have let go.
addEventListener("pointerdown", () => (isHeld = true));
for (const name of ["pointerup", "pointercancel"]) {
  addEventListener(name, () => {
    isHeld = false;
    setTimeout(put); // after the click
  });
}

function take(parts) {
  for (const [name, html] of Object.entries(parts)) waiting.set(name, html);
  if (!isHeld) put();
}

function put() {
  if (isHeld || waiting.size === 0) return;
  const before = stuck();
  for (const [name, html] of waiting) replace(document.getElementById(`part-${name}`), html);
  waiting.clear();
  if (stuck() > before) say(`${stuck()} ${stuck() === 1 ? "order is" : "orders are"} stuck.`);
}

/** Put `html` into `part`; what was open stays open, and what had the focus has it again. */
function replace(part, html) {
  const focused = part.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  const open = [...part.querySelectorAll("details[open]")].map((each) => each.id);
  part.innerHTML = html; // of the server's own templates
  for (const id of open) {
    const again = document.getElementById(id);
    if (again) again.open = true;
  }
  if (focused) part.querySelector(focused)?.focus();
  tellAges(part);
}

/** A selector that finds the same control in what comes next. */
function keyOf(element) {
  if (element.dataset.key) return `[data-key="${CSS.escape(element.dataset.key)}"]`;
  if (element.localName === "summary") return `#${CSS.escape(element.parentElement.id)} > summary`;
  if (element.getAttribute("role") === "region") return "[role=region]";
  return null;
}

function stuck() {
  return Number(document.querySelector("[data-stuck]").dataset.stuck);
}

function tellAges(within) {
  for (const each of within.querySelectorAll("[data-age-since]")) {
    each.textContent = age(Date.parse(each.dataset.ageSince));
  }
}
