// Moves: a form is sent, and the card that comes back takes the place of the one that was there.

import { isCutOff, NO_CONNECTION } from "./cut-off.js";
import { callOffAll, callOffIn, later } from "./delay.js";
import { whenFree } from "./held.js";
import { card } from "./lanes.js";
import { alarm } from "./say.js";
import { done, wrong } from "./undo.js";

const PATIENCE = 8000; // milliseconds for an answer

/** The orders that are moved from here, or were a moment ago: nobody needs to be told who did it. */
export const ours = new Set();

/**
 * Send what is pressed. `take(number, card, words)` gets each answer's card, null for an order that has left; `words`
 * say who was first, when nothing was moved. It returns true when they stand in the ticket.
 */
export function moves(take) {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".moves")) return;
    event.preventDefault();
    if (isCutOff()) {
      wrong(NO_CONNECTION);
      return;
    }
    const button = event.submitter;
    const send = () => make(button, new FormData(event.target, button), take);
    if ("waits" in button.dataset) later(button, send);
    else send();
  });
}

export { callOffAll, callOffIn };

async function make(button, fields, take) {
  const url = button.hasAttribute("formaction") ? button.formAction : button.form.action;
  const [, , number, move] = new URL(url).pathname.split("/");
  if (button.ariaBusy) return; // a second touch of the same
  const pop = button.closest(".pop"); // now: the stream may put another list in its place before the answer comes
  button.ariaBusy = "true";
  remember(number);
  const outcome = await post(url, fields);
  whenFree(() => {
    button.ariaBusy = null; // not before: a finger that is down on it is a second touch of the same
    const short = shortOf(number);
    if (taken(number, outcome, short, take)) {
      if (pop) pop.open = false;
      tell(short, move, fields, () => back(number, move, take));
    }
  });
}

function shortOf(number) {
  return card(number)?.dataset.short ?? number.split("_").at(-1);
}

/** Put what came in its place; true when the order was moved. */
function taken(number, { words, card: fresh }, short, take) {
  if (words) ours.delete(number);
  const isSaid = fresh !== undefined && take(number, fresh, words);
  if (!words) return true;
  if (isSaid) alarm(`${short}: ${words}`);
  else wrong(`${short}: ${words}`);
  return false;
}

function tell(short, move, fields, undo) {
  if (move === "ready") done(short, "is ready", undo);
  else if (move === "front" && !fields.has("undo")) done(short, "is the first now", undo);
  else if (move === "recall") done(short, "is cooking again");
}

/** The way back from a move. */
async function back(number, move, take) {
  const step = move === "ready" ? "recall" : "front";
  const fields = new FormData();
  if (step === "front") fields.set("undo", "yes");
  remember(number);
  const outcome = await post(`/board/${number}/${step}`, fields);
  whenFree(() => {
    const short = shortOf(number);
    if (taken(number, outcome, short, take)) done(short, step === "recall" ? "is cooking again" : "is back in its place");
  });
}

/**
 * The answer: the order's `card` as it is now (null: it has left the board; undefined: nobody knows, the stream brings
 * it), and `words` if nothing was moved.
 */
async function post(url, fields) {
  const body = new URLSearchParams(fields);
  body.set("answer", "card");
  try {
    const answer = await fetch(url, {
      method: "POST",
      body,
      headers: { Accept: "text/html" },
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (answer.type === "opaqueredirect") {
      location.reload(); // signed out: the page leads to the door
      return { words: "Sign in again." };
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const words = page.querySelector("[data-words]")?.textContent;
    if (!answer.ok && !words) return { words: page.querySelector(".plain p")?.textContent ?? "It did not work." };
    return { words, card: page.querySelector("[data-unread]") ? undefined : page.querySelector("[data-place]") };
  } catch {
    return { words: "No answer. Look whether it was moved, and try again." };
  }
}

function remember(number) {
  ours.add(number);
  setTimeout(() => ours.delete(number), 5000);
}
