// What grows old: ages by the server's clock, bars that fill, what turns amber and then red, what was new for a moment.

import { whenFree } from "./held.js";
import { age, clock, clockWithSeconds, everySecond, now } from "./clock.js";

const NEW = 20; // seconds for which a ticket is marked as new

export function ages(arrange) {
  const time = document.getElementById("clock");
  everySecond(() => {
    const [minutes, seconds] = [clock(now()), clockWithSeconds(now()).slice(-2)];
    time.firstChild.data = minutes;
    time.lastElementChild.textContent = `:${seconds}`;
    for (const each of document.querySelectorAll("time.age")) grow(each);
    for (const each of document.querySelectorAll("[data-until]")) countDown(each, arrange);
  });
}

/** A card that has been there since the time that `each` says. */
function grow(each) {
  const since = Date.parse(each.dateTime);
  each.lastElementChild.textContent = age(since);
  const card = each.closest("[data-place]");
  if (card === null) return;
  const seconds = (now() - since) / 1000;
  const isLate = seconds >= Number(card.dataset.late ?? Number.POSITIVE_INFINITY);
  const isSlow = seconds >= Number(card.dataset.warn ?? Number.POSITIVE_INFINITY);
  card.classList.toggle("late", isLate);
  card.classList.toggle("warn", isSlow && !isLate);
  card.classList.toggle("in-time", !isSlow && !isLate);
  if (seconds >= NEW) card.classList.remove("new");
  const bar = card.querySelector(".ticket-bar");
  if (bar) {
    const filled = Math.min(1, Math.max(0, seconds / bar.dataset.full));
    bar.firstElementChild.setAttribute("width", (filled * 100).toFixed(1));
  }
}

function countDown(each, arrange) {
  const left = Math.ceil((Date.parse(each.dataset.until) - now()) / 1000);
  each.textContent = Math.max(0, left);
  if (left > 0) return;
  whenFree(() => {
    if (!each.isConnected) return;
    each.closest(".strip").remove();
    arrange();
  });
}
