// A ticket on paper: a copy of its card, as slip.css prints it, on a sheet as long as it needs.

import { clock, now } from "./clock.js";

const PER_MILLIMETRE = 96 / 25.4; // pixels
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets.push(sheet);

/** Print a ticket. */
export function print(ticket) {
  const copy = ticket.cloneNode(true);
  copy.removeAttribute("id");
  copy.removeAttribute("style");
  copy.querySelector("[data-printed]").textContent = `${clock(now())} by ${document.documentElement.dataset.person}`;
  const area = document.createElement("div");
  area.className = "print-area";
  area.append(copy);
  document.body.append(area);
  const long = Math.ceil(ticket.offsetHeight / PER_MILLIMETRE) + 40;
  sheet.replaceSync(`@page { size: 80mm ${long}mm; margin: 0 }`);
  const after = () => {
    area.remove();
    sheet.replaceSync("");
  };
  addEventListener("afterprint", after, { once: true });
  window.print();
}

export function printing() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.print");
    if (link === null) return;
    event.preventDefault();
    print(link.closest(".ticket"));
  });
}
