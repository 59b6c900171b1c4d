// The menu on the page: what it says of a dish, and how many of it are in the cart.

import { choose, lines } from "./cart.js";

/** What the menu says of a dish; null where it is not on it. */
export function dishOf(tag) {
  const row = document.getElementById(`dish-${tag}`);
  if (!row) return null;
  return {
    row,
    name: row.querySelector(".dish-name").textContent,
    price: row.dataset.price,
    isSoldOut: row.classList.contains("dish-sold-out"),
  };
}

/** Shows at each dish how many of it are chosen. */
export function showQuantities() {
  for (const stepper of document.querySelectorAll(".dish-stepper")) {
    const quantity = lines.get(stepper.closest("[data-tag]").dataset.tag)?.quantity ?? 0;
    const input = stepper.querySelector("input");
    const hadFocus = stepper.contains(document.activeElement);
    stepper.classList.toggle("some", quantity > 0);
    if (Number(input.value) !== quantity) input.value = quantity || "";
    if (hadFocus && !document.activeElement?.checkVisibility?.()) stepper.querySelector('[data-step="1"]').focus();
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-step]");
  if (!button) return;
  const { tag } = button.closest("[data-tag]").dataset;
  choose(tag, (lines.get(tag)?.quantity ?? 0) + Number(button.dataset.step), dishOf(tag));
});

document.addEventListener("change", (event) => {
  if (!event.target.matches(".dish-stepper input")) return;
  const { tag } = event.target.closest("[data-tag]").dataset;
  choose(tag, Math.trunc(Number(event.target.value)) || 0, dishOf(tag));
});
