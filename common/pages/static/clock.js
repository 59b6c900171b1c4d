// The server's clock, and times in the house's zone. This machine's own clock may be wrong by minutes.

const root = document.documentElement;
const format = new Intl.DateTimeFormat("en-GB", {
  timeZone: root.dataset.zone,
  hour: "2-digit",
  minute: "2-digit",
});
const withSeconds = new Intl.DateTimeFormat("en-GB", {
  timeZone: root.dataset.zone,
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

let ahead = root.dataset.now ? Date.parse(root.dataset.now) - Date.now() : 0; // milliseconds

/** Tell what time it is at the server; `iso` came just now. */
export function setNow(iso) {
  ahead = Date.parse(iso) - Date.now();
}

/** Now, in milliseconds, by the server's clock. */
export function now() {
  return Date.now() + ahead;
}

/** 20:43 of a moment in milliseconds. */
export function clock(moment) {
  return format.format(moment);
}

/** 20:43:20 of a moment in milliseconds. */
export function clockWithSeconds(moment) {
  return withSeconds.format(moment);
}

/** How long since `moment` (milliseconds): 5:31, from an hour on 1 h 04. */
export function age(moment) {
  const seconds = Math.max(0, Math.floor((now() - moment) / 1000));
  const two = (number) => String(number).padStart(2, "0");
  if (seconds >= 3600) {
    return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))}`;
  }
  return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}

/** Calls `tick` now and at every full second, for as long as the page is there. */
export function everySecond(tick) {
  tick();
  setTimeout(() => everySecond(tick), 1000 - (now() % 1000));
}
