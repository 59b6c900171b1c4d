// What has no way back waits in its button for three seconds; a second touch calls it off.

import { say } from "./say.js";
import { wrong } from "./undo.js";

const SECONDS = 3;

const waiting = new Map(); // by button: what calls it off

/** Calls `then` in three seconds, unless `button` is pressed again before. */
export function later(button, then) {
  if (waiting.has(button)) {
    waiting.get(button)();
    return;
  }
  const word = button.querySelector(".word");
  const [said, short] = [word.textContent, button.querySelector(".said").textContent.trim()];
  let left = SECONDS;
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0 && button.isConnected) {
      show();
    } else {
      callOff();
      if (button.isConnected) then();
    }
  }, 1000);
  waiting.set(button, (tell = say, why = "") => {
    callOff();
    tell(`${said} of ${short} was called off${why}`);
  });
  button.classList.add("waiting-for");
  show();
  say(`${said} ${short} in ${SECONDS} seconds; press again to call it off`);

  function show() {
    word.textContent = `Stop? ${left}`;
  }

  function callOff() {
    clearInterval(timer);
    waiting.delete(button);
    button.classList.remove("waiting-for");
    word.textContent = said;
  }
}

/** What waits in `card` is not done, for it goes or is replaced: nobody could call it off there any more. */
export function callOffIn(card, why) {
  for (const [button, callOff] of [...waiting]) if (card.contains(button)) callOff(wrong, `: ${why}`);
}

/** Nothing that waits is done: the connection is lost. */
export function callOffAll() {
  for (const callOff of [...waiting.values()]) callOff();
}
