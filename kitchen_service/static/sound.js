// Sounds, made here. Browsers allow them only after a touch; until then the button says so.

const TONES = {
  new: [660, 880],
  changed: [660],
  cancelled: [880, 660, 440],
  lost: [220],
};
const TONE = 0.16; // seconds
const AGAIN = 10_000; // milliseconds until a cancellation sounds again
const TIMES = 3;

const button = document.getElementById("sound");
let context = null;
let freeAt = 0; // seconds, by the context's clock: one sound at a time
const repeats = new Map(); // by order: the timer of what sounds again

/** Play one, if sound is on. */
export function play(name) {
  if (context?.state !== "running") return;
  let at = Math.max(context.currentTime, freeAt);
  for (const frequency of TONES[name]) {
    tone(frequency, at);
    at += TONE;
  }
  freeAt = at + TONE;
}

/** An order was cancelled: three times, unless somebody has seen it before. */
export function playCancelled(number) {
  let times = 0;
  const again = () => {
    play("cancelled");
    times += 1;
    if (times < TIMES) repeats.set(number, setTimeout(again, AGAIN));
    else repeats.delete(number);
  };
  if (!repeats.has(number)) again();
}

/** Somebody has seen it. */
export function hush(number) {
  clearTimeout(repeats.get(number));
  repeats.delete(number);
}

/** On or off. */
export function toggleSound() {
  if (context?.state === "running") {
    context.suspend().then(show);
    keep("off");
  } else {
    start();
  }
}

export function sound() {
  button.addEventListener("click", toggleSound);
  if (kept() !== "on") return;
  // It was on before the page was loaded again: the first touch of anything will do.
  const events = ["pointerdown", "keydown"];
  const first = () => {
    for (const event of events) removeEventListener(event, first, true);
    if (context === null) start();
  };
  for (const event of events) addEventListener(event, first, true);
}

function start() {
  context ??= new AudioContext();
  context.resume().then(() => {
    show();
    keep("on");
    play("changed");
  });
}

function show() {
  const isOn = context?.state === "running";
  button.setAttribute("aria-pressed", String(isOn));
  button.querySelector("span").textContent = isOn ? "Sound on" : "Sound is off, touch";
}

function tone(frequency, at) {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(0.4, at + 0.01);
  gain.gain.setValueAtTime(0.4, at + TONE - 0.04);
  gain.gain.linearRampToValueAtTime(0, at + TONE);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + TONE);
}

function kept() {
  try {
    return localStorage.getItem("board-sound");
  } catch {
    return null;
  }
}

function keep(value) {
  try {
    localStorage.setItem("board-sound", value);
  } catch {
    // It lasts until the page is loaded again.
  }
}
