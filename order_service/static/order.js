// The order page. Without it the page is a form that works; with it the cart is kept, counted and shown at once.

import { add, lines, load, onChange, save } from "./cart.js";
import { followScrolling, markCategory } from "./categories.js";
import { keep, keepFields, restoreFields } from "./fields.js";
import { showQuantities } from "./menu.js";
import { sendByScript } from "./place.js";
import { askWhenReady, linesOfPage, sayTotal, showCart } from "./receipt.js";
import { say } from "./say.js";
import { search } from "./search.js";
import { followAddress } from "./view.js";

function show() {
  showQuantities();
  showCart();
}

onChange(() => {
  show();
  askWhenReady();
  sayTotal();
});

const form = document.getElementById("order-form");
const came = linesOfPage();
const wasSent = document.getElementById("summary") !== null; // the answer to a form that was sent without scripts
load();
if (came.length > 0) {
  if (wasSent) lines.clear();
  add(came);
}
if ("again" in form.dataset) {
  history.replaceState(null, "", "/#order");
  keep();
} else if (!wasSent) restoreFields();
show();
save();
followAddress();
followScrolling();
keepFields();
sendByScript(() => {
  show();
  search();
  markCategory();
  askWhenReady();
});
if (lines.size > 0 && came.length === 0) askWhenReady(0);
else askWhenReady(30_000);

// Back from the tracker, in browsers that keep a page as it was: it is another order now.
addEventListener("pageshow", (event) => event.persisted && location.reload());

document.addEventListener("change", (event) => {
  if (event.target.name !== "allergies" || !event.target.checked) return;
  const dishes = document.querySelectorAll(`.dish .allergen-${event.target.value}`).length;
  say(`${dishes} ${dishes === 1 ? "dish contains" : "dishes contain"} ${event.target.value}`);
});
