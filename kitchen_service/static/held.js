// Nothing moves under a finger: what would change the board waits while one is down.

const down = new Set();
const waiting = [];

/** Calls `change` now, or when the last finger is up, in the order in which they came. */
export function whenFree(change) {
  waiting.push(change);
  flush();
}

function flush() {
  while (down.size === 0 && waiting.length > 0) waiting.shift()();
}

function up(event) {
  down.delete(event.pointerId);
  setTimeout(flush); // behind the click that this makes
}

addEventListener("pointerdown", (event) => down.add(event.pointerId), { capture: true });
addEventListener("pointerup", up, { capture: true });
addEventListener("pointercancel", up, { capture: true });
addEventListener("blur", () => {
  down.clear(); // a finger that went up elsewhere is never told
  flush();
});
