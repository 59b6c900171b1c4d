// The toast: what was done just now, and for five seconds the way back from it; or what went wrong.

import { isCutOff, NO_CONNECTION } from "./cut-off.js";
import { alarm, say } from "./say.js";

const SECONDS = 5;

const toast = document.getElementById("toast");
const button = toast.querySelector("button");
const left = toast.querySelector(".toast-left");
const bar = toast.querySelector(".toast-time");
let undo = null;
let timer = null;
let end = 0;

/** Say that `number` (an order's, as people call it) `did` something; `back`, if there is a way back, takes it. */
export function done(number, did, back = null) {
  show([bold(number), ` ${did}`], back, false);
  say(`${number} ${did}${back ? ". Undo with U" : ""}`);
}

/** Say what went wrong. */
export function wrong(words) {
  show([words], null, true);
  alarm(words);
}

/** Take the way back, if there is one now. */
export function takeBack() {
  const back = undo;
  if (back !== null && isCutOff()) {
    show([NO_CONNECTION], back, true); // for another five seconds: it can be taken when the connection is back
    alarm(NO_CONNECTION);
    return true;
  }
  close();
  back?.();
  return back !== null;
}

/** Take it away. */
export function close() {
  undo = null;
  clearInterval(timer);
  toast.hidden = true;
}

function show(words, back, isWrong) {
  undo = back;
  toast.classList.toggle("wrong", isWrong);
  toast.querySelector("p").replaceChildren(...words);
  button.hidden = back === null;
  toast.hidden = false;
  clearInterval(timer);
  end = Date.now() + SECONDS * 1000;
  for (const each of bar.getAnimations()) each.cancel();
  bar.animate([{ transform: "scaleX(1)" }, { transform: "scaleX(0)" }], SECONDS * 1000);
  timer = setInterval(tick, 200);
  tick();
}

function tick() {
  const seconds = Math.ceil((end - Date.now()) / 1000);
  left.textContent = `${Math.max(0, seconds)} s`;
  if (seconds <= 0) close();
}

function bold(text) {
  const strong = document.createElement("strong");
  strong.textContent = text;
  return strong;
}

button.addEventListener("click", takeBack);
