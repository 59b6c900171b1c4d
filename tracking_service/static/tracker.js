// The tracker stays up to date by itself: the server sends the order anew whenever something about it has changed.

import { everySecond, now } from "./clock.js";
import { live } from "./live.js";
import { alarm, say } from "./say.js";

const MINUTE = 60_000; // milliseconds
const BAD = ["cancelled", "failed"];

const tracker = document.getElementById("tracker");
const sign = document.getElementById("live");
let shown = "";

/** The order as it is now, in the place of the one before; what somebody is about to do there is kept. */
function show({ html }) {
  if (html === shown) return;
  shown = html;
  const before = tracker.firstElementChild;
  const isAsking = before.querySelector("details")?.open;
  const focused = before.contains(document.activeElement) ? document.activeElement.localName : null;
  tracker.innerHTML = html;
  const order = tracker.firstElementChild;
  const cancel = order.querySelector("details");
  if (cancel && isAsking) cancel.open = true;
  if (focused) (order.querySelector(focused) ?? tracker).focus({ preventScroll: true });
  document.title = document.title.replace(/: .* · /, () => `: ${order.querySelector("h1").textContent.trim()} · `);
  if (order.dataset.say !== before.dataset.say) {
    (BAD.includes(order.dataset.status) ? alarm : say)(order.dataset.say);
  }
  tick();
}

/** For how long it has waited, and whether it is later than was thought: a time that has passed is not shown. */
function tick() {
  for (const age of tracker.querySelectorAll("[data-minutes-since]")) {
    const minutes = Math.max(0, Math.floor((now() - Date.parse(age.dataset.minutesSince)) / MINUTE));
    const rest = String(minutes % 60).padStart(2, "0");
    const words = minutes >= 60 ? `${Math.floor(minutes / 60)} h ${rest}` : minutes ? `${minutes} min` : "just now";
    if (age.textContent !== words) age.textContent = words;
  }
  const overdue = tracker.querySelector(".promise-overdue[hidden]");
  if (overdue && Math.floor(Date.parse(overdue.dataset.from) / MINUTE) < Math.floor(now() / MINUTE)) {
    overdue.hidden = false;
    tracker.firstElementChild.classList.add("is-overdue");
    say(overdue.textContent);
  }
}

tracker.tabIndex = -1; // where the focus goes when what had it is gone
everySecond(tick);
live(tracker.dataset.stream, {
  after: tracker.dataset.after,
  on: { page: show, hello: () => (sign.hidden = false) },
  onLost: () => (sign.hidden = true),
});
