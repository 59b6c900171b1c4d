// What was chosen: kept in this browser, so that it survives a reload, with the key by which the server knows a repeated
// order again. Nothing of it is trusted: prices and names are the server's when the order is placed.

const PLACE = "expedite.cart";
export const MOST = 10; // of one dish

/** The lines, by tag, in the order in which they were chosen: {name, seen (a price's text), quantity, note}. */
export const lines = new Map();

const listeners = [];

/** Calls `take` whenever the cart has changed. */
export function onChange(take) {
  listeners.push(take);
}

/** So many of a dish; none takes it out. `dish` ({name, price}) is needed for one that is not in it yet. */
export function choose(tag, quantity, dish) {
  const line = lines.get(tag);
  const wanted = Math.min(MOST, Math.max(0, quantity));
  if (wanted === 0) lines.delete(tag);
  else if (line) line.quantity = wanted;
  else lines.set(tag, { name: dish.name, seen: dish.price, quantity: wanted, note: "" });
  changed();
}

/** The note for the kitchen. */
export function write(tag, note) {
  if (!lines.has(tag)) return;
  lines.get(tag).note = note.replace(/\s+/g, " ").slice(0, 140);
  save();
}

/** The customer takes it at its price of now. */
export function accept(tag, price) {
  lines.get(tag).seen = price;
  changed();
}

/** The lines that a page came with: those of an order that is ordered again. What is in the cart stays. */
export function add(found) {
  for (const [tag, line] of found) {
    const known = lines.get(tag);
    lines.set(tag, {
      ...line,
      quantity: Math.max(line.quantity, known?.quantity ?? 0),
      note: line.note || known?.note || "",
    });
  }
  changed();
}

/** The order is placed: nothing is left. */
export function clear() {
  lines.clear();
  localStorage.removeItem(PLACE);
}

/** The key of this cart: the one that it was kept with, or the page's own. */
export function key() {
  return field().value;
}

/** Takes up what this browser has kept, with its key; not what somebody else had chosen. */
export function load() {
  lines.clear();
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(PLACE));
  } catch {
    // Somebody else's, or broken: as if there were none.
  }
  if (kept?.person && person() && kept.person !== person()) kept = null;
  for (const entry of Array.isArray(kept?.lines) ? kept.lines : []) {
    const [tag, line] = Array.isArray(entry) ? entry : [];
    const quantity = Math.trunc(Number(line?.quantity));
    if (/^[a-z2-7]{8}$/.test(tag) && quantity >= 1 && quantity <= MOST && /^\d{1,3}\.\d\d$/.test(line.seen)) {
      lines.set(tag, { name: String(line.name), seen: line.seen, quantity, note: String(line.note ?? "") });
    }
  }
  if (lines.size > 0 && /^page-[\w-]{22}$/.test(kept.key)) field().value = kept.key;
}

export function save() {
  try {
    if (lines.size === 0) localStorage.removeItem(PLACE);
    else localStorage.setItem(PLACE, JSON.stringify({ person: person(), key: key(), lines: [...lines] }));
  } catch {
    // Full or forbidden: then it is not kept.
  }
}

function changed() {
  save();
  for (const take of listeners) take();
}

function person() {
  return document.getElementById("order-form").dataset.person;
}

function field() {
  return document.querySelector('#order-form [name="key"]');
}

// Another tab of this browser has changed it, or placed the order: then that key is used up.
addEventListener("storage", (event) => {
  if (event.key !== PLACE && event.key !== null) return;
  if (event.newValue === null) {
    const random = crypto.getRandomValues(new Uint8Array(16));
    field().value = `page-${btoa(String.fromCharCode(...random)).replaceAll("+", "-").replaceAll("/", "_").slice(0, 22)}`;
  }
  load();
  for (const take of listeners) take();
});
