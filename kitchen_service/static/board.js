// The board, kept up: what the server's stream says is put in its place, and said to who listens.

import { ages } from "./age.js";
import { isCutOff, setCutOff } from "./cut-off.js";
import { filter } from "./filter.js";
import { focusedIn, giveBack } from "./focus.js";
import { whenFree } from "./held.js";
import { forget, keys, showKeys } from "./keys.js";
import { arrange, card, cards, laneOf, place, setUncovered, watchLanes } from "./lanes.js";
import { live } from "./live.js";
import { looks, onResize } from "./looks.js";
import { cantMake } from "./cant-make.js";
import { callOffAll, callOffIn, moves, ours } from "./moves.js";
import { inherit } from "./pack.js";
import { pops } from "./pops.js";
import { printing } from "./print.js";
import { alarm, say } from "./say.js";
import { hush, play, playCancelled, sound } from "./sound.js";

const GONE = 2000; // milliseconds for which a ticket says who moved it elsewhere
const PIECES = ["all-day", "nobody-head", "hidden-band", "recall", "empty-waiting", "empty-cooking", "empty-ready"];
const TYPES = { dine_in: "dine in", takeout: "takeout", delivery: "delivery" };

const main = document.getElementById("main");
// Milliseconds in which what was missed has come: after the connection is back, and after each event of it.
const CATCH_UP = 2000;
const NEXT = 300;
let missed = null; // what it is, until it has been said
const htmlOf = new Map(); // of cards, by number, as they came: an answer and the stream bring the same
let catchUpUntil = 0; // by performance.now()
let sayMissedAt = null; // the timer

/** What an event of the stream says; with `isWhole` all that there is. */
function change(said, isWhole) {
  if (said.menu !== undefined && said.menu !== main.dataset.menu) {
    location.reload();
    return;
  }
  const news = missed ?? nothing();
  if (said.uncovered) setUncovered(said.uncovered);
  for (const html of Object.values(said.cards ?? {})) {
    const fresh = parsed(html);
    put(fresh, wordsOf(fresh.id, fresh.dataset.by), news);
  }
  if (said.open) {
    const open = new Set(said.open);
    for (const number of htmlOf.keys()) if (!open.has(number)) htmlOf.delete(number);
    for (const each of cards()) if (!open.has(each.id)) leave(each, wordsOf(each.id, said.gone?.[each.id]));
  }
  for (const [lane, types] of Object.entries(said.counts ?? {})) {
    for (const [type, count] of Object.entries(types)) {
      for (const each of document.querySelectorAll(`[data-count="${lane}.${type}"]`)) each.textContent = count;
    }
  }
  if (said.days) for (const each of cards()) each.classList.toggle("shows-day", said.days.includes(each.id));
  if (said.workers) document.querySelector("[data-workers]").textContent = said.workers;
  for (const piece of PIECES) if (said[piece] !== undefined) replace(document.getElementById(piece), said[piece]);
  settle();
  if (missed !== null) catchUp();
  else if (isWhole) sayMissed(news);
  else sayNews(news);
}

function nothing() {
  return { new: [], cancelled: [], changed: 0 };
}

/** The connection is back: take what comes for what was missed, on a busy evening not for long. */
function beginCatchUp() {
  missed ??= nothing();
  catchUpUntil = performance.now() + CATCH_UP;
  sayMissedIn(CATCH_UP);
}

/** Some of it has come. While the board is cut off there is nothing to say: what waited for a finger came late. */
function catchUp() {
  if (!isCutOff()) sayMissedIn(Math.max(0, Math.min(NEXT, catchUpUntil - performance.now())));
}

function sayMissedIn(milliseconds) {
  clearTimeout(sayMissedAt);
  sayMissedAt = setTimeout(() => {
    sayMissed(missed);
    missed = null;
  }, milliseconds);
}

function settle() {
  arrange();
  showKeys();
}

/** What a ticket says that somebody else has moved; nothing for what was moved here, or while the board was cut off. */
function wordsOf(number, by) {
  return by && !ours.has(number) && missed === null ? `${by} moved it just now` : null;
}

/**
 * Put a card where it belongs, in the place of the one that was there. One that is older than that is old news. When
 * it belongs elsewhere, the old one says `words` for a moment, if there are any.
 */
function put(fresh, words, news = null) {
  const old = card(fresh.id);
  if (old && Number(old.dataset.sequence) > Number(fresh.dataset.sequence)) return;
  const html = fresh.outerHTML;
  if (old && htmlOf.get(fresh.id) === html) return;
  htmlOf.set(fresh.id, html);
  if (news) note(old, fresh, news);
  if (old) takePlace(old, fresh, words);
  else place(fresh);
}

function takePlace(old, fresh, words) {
  const isElsewhere = laneOf(old) !== laneOf(fresh);
  const focus = focusedIn(old);
  callOffIn(old, "the ticket has changed. Press again if it is still right.");
  keepOpen(old, fresh);
  inherit(old, fresh);
  fresh.classList.toggle("picked", old.classList.contains("picked"));
  fresh.classList.toggle("shows-day", old.classList.contains("shows-day"));
  if (!isElsewhere) {
    fresh.style.cssText = old.style.cssText; // where it stands
    old.replaceWith(fresh);
  }
  place(fresh);
  if (focus && !giveBack(focus, fresh)) {
    fresh.focus({ preventScroll: true });
    if (focus.focused !== old) forget(focus.focused);
  }
  if (isElsewhere) leave(old, words);
}

/** What is open in a ticket stays open, as far as it can still be done. */
function keepOpen(old, fresh) {
  const actions = fresh.querySelector(".actions");
  if (!actions || !old.querySelector(".actions")?.open) return;
  actions.open = true;
  const form = old.querySelector(".cant-make");
  if (form && actions.querySelector(".cant")) actions.querySelector(".cant").after(form);
}

/** A card goes: at once, or in two seconds, in which it says why and nothing takes its place. */
function leave(each, words) {
  hush(each.id);
  callOffIn(each, "the ticket has left the board.");
  const focus = focusedIn(each);
  if (focus) forget(focus.focused);
  if (!words) {
    each.remove();
    return;
  }
  each.removeAttribute("id");
  each.classList.remove("picked", "new");
  each.classList.add("gone");
  each.inert = true;
  const strip = document.createElement("p");
  strip.className = "strip";
  strip.append(icon("check"), words);
  each.querySelector(".ticket-head, .ready-number, details").after(strip);
  setTimeout(() => {
    whenFree(() => {
      each.remove();
      settle();
    });
  }, GONE);
}

function note(old, fresh, news) {
  const { status, short, type } = fresh.dataset;
  if (old === null) {
    if (status === "received") news.new.push(`New ticket ${short}, ${TYPES[type]}`);
  } else if (status === "cancelled" && old.dataset.status !== "cancelled") {
    news.cancelled.push(fresh);
  } else if (status === "cooking" && old.dataset.lane === "ready" && !ours.has(fresh.id)) {
    news.changed += 1;
  }
}

function sayNews(news) {
  if (news.new.length > 0) {
    play("new");
    for (const sentence of news.new) say(sentence, (all) => `${all.length} new tickets`);
  }
  if (news.changed > 0) play("changed");
  for (const each of news.cancelled) {
    playCancelled(each.id);
    alarm(`${each.dataset.short} was cancelled`);
  }
}

/** What happened while the board was cut off is said once. */
function sayMissed(news) {
  const parts = [];
  if (news.new.length > 0) parts.push(`${news.new.length} new`);
  if (news.cancelled.length > 0) parts.push(`${news.cancelled.length} cancelled`);
  say(parts.length > 0 ? `The board is live again: ${parts.join(", ")}` : "The board is live again");
  if (news.cancelled.length > 0) for (const each of news.cancelled) playCancelled(each.id);
  else if (news.new.length > 0) play("new");
}

/** From our own server's template. */
function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.querySelector("[data-place]");
}

function replace(element, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const focus = focusedIn(element);
  const wasOpen = [...element.querySelectorAll("details")].map((each) => each.open);
  element.replaceChildren(template.content);
  for (const [index, each] of element.querySelectorAll("details").entries()) each.open = wasOpen[index] ?? false;
  if (focus && !giveBack(focus, element)) forget(focus.focused);
}

function icon(name) {
  const found = document.querySelector(`.icon use[href$="#${name}"]`).closest("svg").cloneNode(true);
  found.removeAttribute("id");
  return found;
}

watchLanes();
ages(arrange);
keys();
looks();
onResize(arrange);
sound();
printing();
cantMake();
filter(settle);
moves((number, fresh, words) => {
  const old = card(number);
  if (fresh) put(fresh, words);
  else if (old) leave(old, words);
  settle();
  return old?.classList.contains("gone") ?? false;
});
pops(arrange);
live("/board/stream", {
  after: main.dataset.after,
  on: {
    change: (said) => whenFree(() => change(said, false)),
    reset: (said) => whenFree(() => change(said, true)),
  },
  onLost() {
    setCutOff(true);
    clearTimeout(sayMissedAt); // what was missed is said when the connection is back again
    callOffAll();
    play("lost");
  },
  onBack() {
    beginCatchUp();
    setCutOff(false);
  },
});
