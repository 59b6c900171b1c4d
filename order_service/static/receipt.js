// The cart on the page: its lines, what they cost, and when they would be ready. The HTML is the server's: a line that
// is new is a copy of its template, filled in; the estimate comes as HTML.

import { accept, choose, lines, write } from "./cart.js";
import { dishOf } from "./menu.js";
import { say } from "./say.js";

const PAUSE = 400; // milliseconds after the last touch, before the server is asked for an estimate
const EVERY = 30_000; // milliseconds: the kitchen goes on meanwhile

const form = () => document.getElementById("order-form");

/** An amount of cents, as the server writes it. */
export function money(cents) {
  const written = (cents / 100).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return form().dataset.currency ? `${written} ${form().dataset.currency}` : written;
}

const cents = (price) => Math.round(Number(price) * 100);

function stateOf(tag, line) {
  const dish = dishOf(tag);
  if (!dish) return "gone";
  if (dish.isSoldOut) return "sold-out";
  return dish.price === line.seen ? "" : "changed";
}

/** The lines that the page came with. */
export function linesOfPage() {
  return [...document.querySelectorAll("#items > .line")].map((row) => [
    row.dataset.tag,
    {
      name: row.querySelector(".line-name").textContent,
      seen: row.dataset.seen,
      quantity: Number(row.dataset.quantity),
      note: row.querySelector("textarea").value,
    },
  ]);
}

/** Shows the cart as it is. */
export function showCart() {
  const list = document.getElementById("items");
  for (const row of [...list.children]) if (!lines.has(row.dataset.tag)) removeRow(row);
  let pieces = 0;
  let total = 0;
  let leavesOut = false;
  for (const [tag, line] of lines) {
    const row = document.getElementById(`line-${tag}`) ?? newRow(tag, line);
    if (row !== list.lastElementChild) list.append(row);
    const state = stateOf(tag, line);
    const dish = dishOf(tag);
    const price = cents(dish ? dish.price : line.seen);
    fill(row, line, state, price);
    if (state === "gone" || state === "sold-out") {
      leavesOut = true;
    } else {
      pieces += line.quantity;
      total += price * line.quantity;
    }
  }
  showSum(pieces, total, leavesOut);
}

function newRow(tag, line) {
  const row = document.getElementById("line-template").content.firstElementChild.cloneNode(true);
  row.id = `line-${tag}`;
  row.dataset.tag = tag;
  row.querySelector(".line-name bdi").textContent = line.name;
  row.querySelector(".line-problem").id = `line-${tag}-wrong`;
  const contents = dishOf(tag)?.row.querySelector(".dish-contents");
  if (contents) row.querySelector(".line-contents").replaceChildren(contents.cloneNode(true));
  for (const [part, label] of [
    ['[data-step="-1"]', `One ${line.name} less`],
    ['[data-step="1"]', `One ${line.name} more`],
    ["textarea", `Note for the kitchen about ${line.name}`],
  ]) {
    row.querySelector(part).setAttribute("aria-label", label);
  }
  return row;
}

function removeRow(row) {
  if (row.contains(document.activeElement)) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    (next?.querySelector("button:not([hidden])") ?? document.getElementById("order-title")).focus();
  }
  row.remove();
}

function fill(row, line, state, price) {
  row.dataset.state = state;
  row.dataset.seen = line.seen;
  row.dataset.quantity = line.quantity;
  row.querySelector(".line-many").textContent = line.quantity;
  row.querySelector(".line-count").textContent = line.quantity;
  row.querySelector(".line-amount").textContent = money(price * line.quantity);
  row.querySelector(".line-old").textContent = money(cents(line.seen) * line.quantity);
  const note = row.querySelector("textarea");
  if (document.activeElement !== note) note.value = line.note;
  fit(note);
  const [why, decide] = {
    changed: [`Costs ${money(price)} now.`, `Accept ${money(price)}`],
    "sold-out": ["Sold out.", "Remove it"],
    gone: ["Not on the menu any more.", "Remove it"],
    "": [null, "Remove it"],
  }[state];
  if (why !== null) row.querySelector(".line-why").textContent = why;
  row.querySelector(".line-decide").textContent = decide;
}

function showSum(pieces, total, leavesOut) {
  const isEmpty = lines.size === 0;
  const written = money(total);
  document.querySelector(".receipt-empty").hidden = !isEmpty;
  document.getElementById("total").hidden = isEmpty;
  document.querySelector("#total strong").textContent = written;
  document.querySelector(".total-note").hidden = !leavesOut;
  const bar = document.getElementById("bar");
  bar.hidden = isEmpty;
  bar.querySelector(".bar-count").textContent = pieces;
  bar.querySelector(".bar-total").textContent = written;
  const onButton = document.querySelector(".place-total");
  if (onButton) {
    onButton.hidden = isEmpty;
    onButton.textContent = written;
  }
}

/** A note shows all of its lines; newer browsers do that by themselves (field-sizing). */
function fit(note) {
  if (CSS.supports("field-sizing", "content")) return;
  note.style.height = "auto";
  note.style.height = `${note.scrollHeight}px`;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".line-decide");
  if (!button) return;
  event.preventDefault(); // without scripts it is the form that asks for it
  const row = button.closest(".line");
  const { tag } = row.dataset;
  if (row.dataset.state === "changed") {
    accept(tag, dishOf(tag).price);
    row.focus();
  } else {
    choose(tag, 0);
  }
});

document.addEventListener("input", (event) => {
  if (!event.target.matches(".line-note textarea")) return;
  const row = event.target.closest(".line");
  row.classList.remove("line-wrong"); // what the server said of it is no longer so
  write(row.dataset.tag, event.target.value);
  fit(event.target);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches(".line-note textarea")) return;
  event.preventDefault(); // a note has one line
  event.target.blur();
});

// --- when it would be ready -------------------------------------------------------------------------------

let timer = 0;
let asked = null;

/** Asks the server when what is in the cart would be ready, a moment after the last touch. */
export function askWhenReady(pause = PAUSE) {
  clearTimeout(timer);
  timer = setTimeout(ask, pause);
}

async function ask() {
  timer = setTimeout(ask, EVERY);
  if (document.hidden) return;
  asked?.abort();
  asked = new AbortController();
  const query = new URLSearchParams([...lines].slice(0, 50).map(([tag, line]) => [`q${tag}`, line.quantity]));
  try {
    const answer = await fetch(`/estimate?${query}`, { headers: { accept: "text/html" }, signal: asked.signal });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const ready = page.getElementById("ready");
    if (ready) document.getElementById("ready")?.replaceWith(ready);
  } catch {
    // What stands there is a few seconds older, and the next one comes.
  }
}

/** Says the sum to who listens. */
export function sayTotal() {
  const pieces = [...lines.values()].reduce((sum, line) => sum + line.quantity, 0);
  const total = document.querySelector("#total strong").textContent;
  say(lines.size === 0 ? "Nothing in your order" : `${pieces} ${pieces === 1 ? "item" : "items"}, ${total}`);
}
