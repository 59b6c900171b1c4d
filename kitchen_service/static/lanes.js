// The lanes: which card is where, and how many are below what can be seen.

import { pack } from "./pack.js";

const lanes = [...document.querySelectorAll("[data-lane]:has(> .lane-tickets, > .lane-body > .lane-tickets)")];
const heights = new ResizeObserver(() => arrange());
let uncovered = new Set();
let isDue = false;

/** The element that holds a lane's cards. */
export function ticketsOf(lane) {
  return document.querySelector(`.lane-tickets[data-lane="${lane}"]`) ?? find(lane).querySelector(".lane-tickets");
}

/** The lane of that name. */
export function find(lane) {
  return lanes.find((each) => each.dataset.lane === lane);
}

/** A card on the board. */
export function card(number) {
  return document.getElementById(number);
}

/** All cards, of the order types that are hidden, too. */
export function cards() {
  return [...document.querySelectorAll(".lane-tickets > [data-place]:not(.gone)")];
}

/** The cards of a lane that can be seen, the first first; without those that only say who moved them. */
export function shownIn(lane) {
  return [...ticketsOf(lane).children].filter((each) => each.checkVisibility() && !each.classList.contains("gone"));
}

/** The order types that no worker online takes: what waits of them stands in a lane of its own. */
export function setUncovered(types) {
  uncovered = new Set(types);
  for (const each of cards()) place(each);
}

/** The name of the lane where a card belongs. */
export function laneOf(each) {
  const { lane, type, waitsForAWorker } = each.dataset;
  return waitsForAWorker !== undefined && uncovered.has(type) ? "nobody" : lane;
}

/** Put a card where it belongs. One that is there already is not touched, so nothing loses its focus. */
export function place(each) {
  const into = ticketsOf(laneOf(each));
  const after = [...into.children].find(
    (other) => other !== each && !isBefore(other, each) && !other.classList.contains("gone"),
  );
  const isThere = each.parentElement === into && nextThatCounts(each) === (after ?? null);
  if (!isThere) into.insertBefore(each, after ?? null);
  heights.observe(each);
}

function nextThatCounts(each) {
  let next = each.nextElementSibling;
  while (next?.classList.contains("gone")) next = next.nextElementSibling;
  return next;
}

function isBefore(one, other) {
  return one.dataset.place < other.dataset.place;
}

/** Arrange all lanes with the next frame. */
export function arrange() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    for (const tickets of document.querySelectorAll(".wide-lane .lane-tickets")) pack(tickets);
    for (const lane of document.querySelectorAll(".lane")) countBelow(lane);
  });
}

function countBelow(lane) {
  const button = lane.querySelector(".lane-more");
  const body = lane.querySelector(".lane-body");
  const end = Math.min(innerHeight, ...[body, lane.parentElement].map(endOf));
  const below = shownIn(lane.dataset.lane).filter((each) => each.getBoundingClientRect().top + 40 > end).length;
  button.hidden = below === 0;
  button.querySelector("span").textContent = `${below} more below`;
}

/** How far down what scrolls in `element` can be seen. */
function endOf(element) {
  const scrolls = getComputedStyle(element).overflowY === "auto";
  return scrolls ? element.getBoundingClientRect().bottom : Number.POSITIVE_INFINITY;
}

export function watchLanes() {
  uncovered = new Set([...ticketsOf("nobody").children].map((each) => each.dataset.type)); // hidden ones, too
  for (const each of cards()) heights.observe(each);
  for (const body of document.querySelectorAll(".lane-body, .right")) {
    body.addEventListener("scroll", () => arrange(), { passive: true });
    heights.observe(body);
  }
  for (const button of document.querySelectorAll(".lane-more")) {
    button.addEventListener("click", () => {
      const body = button.closest(".lane").querySelector(".lane-body");
      body.scrollBy({ top: body.clientHeight * 0.8, behavior: "smooth" });
    });
  }
  addEventListener("resize", () => arrange());
  // While tickets move to their places they are not there yet, and those below were counted as if they stood above.
  document.addEventListener("transitionend", (event) => {
    if (event.target.parentElement?.matches(".packed")) arrange();
  });
  document.fonts.ready.then(() => arrange());
  arrange();
}
