// The lobby stays up to date by itself, and tells the time.

import { clock, everySecond, now } from "./clock.js";
import { live } from "./live.js";
import { say } from "./say.js";

const lobby = document.getElementById("lobby");
const time = document.getElementById("clock");

/** The numbers that are ready, as they stand there. */
function ready() {
  return [...lobby.querySelectorAll(".lobby-ready li")].map((number) => number.firstChild.textContent.trim());
}

function show({ html }) {
  const before = ready();
  lobby.innerHTML = html;
  const news = ready().filter((number) => !before.includes(number));
  if (news.length > 0) {
    say(`${news.join(", ")} ready`, (sentences) => sentences.map((each) => each.replace(" ready", "")).join(", ") + " ready");
  }
}

everySecond(() => (time.textContent = clock(now())));
live(lobby.dataset.stream, { after: lobby.dataset.after, on: { change: show, reset: show } });
