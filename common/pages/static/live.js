// A stream of the server's events, for as long as the page is open. Cut off, it says so and since when, tries again
// after growing pauses, and goes on behind the last event that came.

import { clockWithSeconds, now, setNow } from "./clock.js";
import { alarm } from "./say.js";

const QUIET = 25_000; // milliseconds: two pings of the server (one in ten seconds) were missed
const PAUSES = [1000, 2000, 3000, 5000]; // milliseconds before a try; the last one for all that follow

/**
 * Listen to `url`. `after` is the id of the state that the page shows; `on` has a function for each event's name, which
 * gets its data, decoded. `onLost()` is called when the connection is lost, `onBack()` when it is there again and what
 * was missed has come or is coming. A page that is older than the server's (hello's version) loads itself anew.
 */
export function live(url, { after, on, onLost = () => {}, onBack = () => {} }) {
  const band = document.getElementById("lost");
  let source = null;
  let last = after;
  let heardAt = now();
  let isLost = false;
  let tries = 0;
  let tryAt = 0;
  let isLeaving = false;

  function open() {
    tryAt = 0;
    const address = new URL(url, location.href);
    if (last !== undefined && last !== "") address.searchParams.set("after", last);
    source?.close();
    source = new EventSource(address);
    const opened = source;
    opened.onerror = () => opened === source && lose();
    listen("hello", (data) => {
      setNow(data.now);
      if (data.version !== document.querySelector("meta[name=version]").content) location.reload();
      tries = 0;
      if (isLost) {
        isLost = false;
        band.hidden = true;
        onBack();
      }
    });
    listen("ping", (data) => setNow(data.now));
    for (const [name, take] of Object.entries(on)) listen(name, take);

    function listen(name, take) {
      opened.addEventListener(name, (event) => {
        if (opened !== source) return;
        heardAt = now();
        if (event.lastEventId) last = event.lastEventId;
        take(JSON.parse(event.data), event.lastEventId);
      });
    }
  }

  function lose() {
    // The server ends every stream after some minutes, so that rights are looked at again: that is no loss.
    source?.close();
    if (isLeaving) return;
    const pause = tries === 0 && !isLost ? 0 : PAUSES[Math.min(tries - 1, PAUSES.length - 1)];
    tries += 1;
    if (tries % 3 === 0) leaveIfSignedOut();
    tryAt = now() + pause;
    if (pause > 0 && !isLost) {
      isLost = true;
      band.querySelector("[data-since]").textContent = clockWithSeconds(heardAt);
      band.hidden = false;
      alarm(band.querySelector("strong").textContent);
      onLost();
    }
    if (pause === 0) open();
  }

  /** A stream that is refused tells a script no reason; the page itself does. */
  async function leaveIfSignedOut() {
    try {
      const answer = await fetch(location.href, { redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 403) location.reload();
    } catch {
      // Cut off: there is nobody to ask.
    }
  }

  setInterval(() => {
    if (tryAt > 0) {
      const left = Math.max(0, Math.ceil((tryAt - now()) / 1000));
      band.querySelector("[data-next]").textContent = left > 0 ? `Next try in ${left} s` : "Trying…";
      if (left === 0) open();
    } else if (now() - heardAt > QUIET) {
      heardAt = now();
      lose();
    }
  }, 500);
  band.querySelector("button").addEventListener("click", () => open());
  addEventListener("offline", () => {
    tries = Math.max(tries, 1);
    lose();
  });
  addEventListener("online", () => isLost && open());
  addEventListener("pagehide", () => {
    isLeaving = true;
    source?.close();
  });
  addEventListener("pageshow", (event) => {
    isLeaving = false;
    if (event.persisted) open();
  });
  open();
}
