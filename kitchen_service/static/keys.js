// Keys, of a keyboard or a bump bar. One lane is armed: its rail is lit, and its tickets show their digits.

import { arrange, find, shownIn } from "./lanes.js";
import { print } from "./print.js";
import { toggleSound } from "./sound.js";
import { takeBack } from "./undo.js";

const DEAD = 700; // milliseconds for which a digit that has just changed tickets does nothing
const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"];
const TEXT = "input:not([type=radio], [type=checkbox]), textarea, select";
const LANES = ["waiting", "cooking", "ready", "nobody"];

const root = document.documentElement;
const dialog = document.getElementById("keys");
const recall = document.getElementById("recall-pop");
const held = new Map(); // by digit: the ticket that it moves, and since when
const recalled = new Map(); // the same for what can be recalled, while that list is open
let armed = "cooking";
let picked = null; // an order's number
let deafUntil = 0; // by performance.now()

export function keys() {
  addEventListener("keydown", press);
  document.getElementById("show-keys").addEventListener("click", () => dialog.showModal());
  recall.addEventListener("toggle", () => holdRecall(true));
  for (const input of document.querySelectorAll(".tabs input")) {
    input.addEventListener("change", () => {
      if (find(input.value)) arm(input.value, false);
      arrange();
    });
  }
  showKeys(true);
}

/** The digits of the armed lane's tickets. */
export function showKeys(isFirst = false) {
  const tickets = shownIn(armed);
  for (const key of document.querySelectorAll(".main-move .key")) key.textContent = "";
  const numbers = tickets.map((each) => each.id);
  hold(held, numbers, isFirst);
  for (const [index, digit] of DIGITS.slice(0, tickets.length).entries()) keyOf(tickets[index]).textContent = digit;
  holdRecall(false);
  const last = Math.min(tickets.length, DIGITS.length);
  const words = last === 0 ? "" : last === 1 ? "Key 1 moves this" : `Keys 1 to ${DIGITS[last - 1]} move these`;
  const head = find(armed).querySelector(".lane-keys");
  if (head) head.textContent = words;
  for (const each of document.querySelectorAll(".picked")) each.classList.toggle("picked", each.id === picked);
}

/** Note in `digits` what each of them means, and since when; from the beginning, if it `isFirst`. */
function hold(digits, meanings, isFirst) {
  for (const [index, digit] of DIGITS.entries()) {
    const meaning = meanings[index] ?? null;
    if (digits.get(digit)?.meaning !== meaning) {
      digits.set(digit, { meaning, since: isFirst ? Number.NEGATIVE_INFINITY : performance.now() });
    }
  }
}

/** What a digit means, null for nothing, and for one that meant something else a moment ago. */
function meant(digits, digit) {
  const { meaning, since } = digits.get(digit) ?? { meaning: null, since: 0 };
  return performance.now() - since < DEAD ? null : meaning;
}

function holdRecall(isFirst) {
  const buttons = recallable();
  if (!recall.open) recalled.clear();
  else hold(recalled, buttons.map(addressOf), isFirst && recalled.size === 0);
}

/** The buttons of the list of what can be recalled, as far as it can be seen. */
function recallable() {
  return [...recall.querySelectorAll("li button")].filter((each) => each.checkVisibility());
}

function addressOf(button) {
  return button.getAttribute("formaction");
}

/** What had the focus is gone. Keys that were meant for it do nothing: no ticket is picked, and who types is not heard. */
export function forget(focused) {
  picked = null;
  if (focused.matches(TEXT)) deafUntil = performance.now() + DEAD;
}

function keyOf(ticket) {
  const button = ticket.querySelector(".main-move");
  let key = button.querySelector(".key");
  if (key === null) {
    key = document.createElement("kbd");
    key.className = "key";
    key.ariaHidden = "true";
    button.append(key);
  }
  return key;
}

function press(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || dialog.open) return;
  if (event.target.closest(TEXT)) return;
  if (performance.now() < deafUntil) {
    deafUntil = performance.now() + DEAD; // until the one who typed looks up
    return;
  }
  const act = ACTS[event.key] ?? ACTS[event.key.toLowerCase()];
  const isDigit = DIGITS.includes(event.key);
  if (!act && !isDigit) return;
  if (event.target.closest("input") && event.key.startsWith("Arrow")) return;
  if (event.key === "Enter" && event.target.closest("button, summary, a, input")) return;
  root.classList.add("keyed");
  event.preventDefault();
  if (event.repeat && !event.key.startsWith("Arrow")) return;
  if (isDigit) bump(event.key);
  else act();
}

const ACTS = {
  ArrowLeft: () => armNext(-1),
  ArrowRight: () => armNext(1),
  ArrowUp: () => pick(-1),
  ArrowDown: () => pick(1),
  Enter: movePicked,
  f: () => pressButton(pickedTicket()?.querySelector("button[data-move=front]")),
  p: () => pickedTicket()?.matches(".ticket") && print(pickedTicket()),
  u: takeBack,
  "+": takeBack,
  r: showRecall,
  "-": showRecall,
  m: toggleSound,
  "?": () => dialog.showModal(),
  Escape: close,
};

function bump(digit) {
  if (recall.open) {
    const address = meant(recalled, digit);
    pressButton(recallable().find((each) => addressOf(each) === address));
    return;
  }
  const number = meant(held, digit);
  if (number !== null) pressButton(document.getElementById(number)?.querySelector(".main-move"));
}

/** Not a ticket to which the focus has only fallen, and none while the list is open of what can be recalled. */
function movePicked() {
  const ticket = pickedTicket();
  if (!recall.open && ticket?.id === picked) pressButton(ticket?.querySelector(".main-move"));
}

function pressButton(button) {
  button?.click();
}

function armNext(by) {
  const there = LANES.filter((lane) => find(lane).checkVisibility() || isTab(lane));
  const next = there[(there.indexOf(armed) + by + there.length) % there.length];
  arm(next, true);
}

function isTab(lane) {
  const tab = document.querySelector(`.tabs input[value="${lane}"]`);
  return tab !== null && tab.checkVisibility();
}

function arm(lane, isByKey) {
  delete find(armed).dataset.armed;
  armed = lane;
  find(armed).dataset.armed = "";
  const tab = document.querySelector(`.tabs input[value="${lane}"]`);
  if (isByKey && tab) tab.checked = true;
  held.clear();
  showKeys(true);
  if (isByKey) arrange();
}

function pickedTicket() {
  const focused = document.activeElement?.closest("[data-place]");
  return focused ?? (picked === null ? null : document.getElementById(picked));
}

function pick(by) {
  const tickets = shownIn(armed);
  if (tickets.length === 0) return;
  const at = tickets.findIndex((each) => each.id === picked);
  const next = tickets[at === -1 ? (by > 0 ? 0 : tickets.length - 1) : Math.min(tickets.length - 1, Math.max(0, at + by))];
  for (const each of document.querySelectorAll(".picked")) each.classList.remove("picked");
  picked = next.id;
  next.classList.add("picked");
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function showRecall() {
  recall.open = !recall.open;
  recalled.clear();
  holdRecall(true);
  if (recall.open) recallable()[0]?.focus();
}

function close() {
  const form = document.querySelector(".cant-make");
  if (form) {
    form.previousElementSibling.focus();
    form.remove();
    return;
  }
  const open = document.querySelector(".pop[open]") ?? document.querySelector(".actions[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
    return;
  }
  picked = null;
  document.activeElement?.blur();
  showKeys();
}
