// Search: over names and ingredients, in place.

import { say } from "./say.js";

const plain = (text) =>
  text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase();

const field = document.getElementById("search");

/** Shows the dishes that have all the words that were typed. */
export function search() {
  const words = plain(field.value).split(/\s+/).filter(Boolean);
  let found = 0;
  for (const section of document.querySelectorAll(".menu-section")) {
    let isEmpty = true;
    for (const dish of section.querySelectorAll(".dish")) {
      const text = plain(`${dish.querySelector(".dish-name").textContent} ${dish.querySelector(".dish-made")?.textContent ?? ""}`);
      dish.hidden = !words.every((word) => text.includes(word));
      if (!dish.hidden) {
        isEmpty = false;
        found += 1;
      }
    }
    section.hidden = isEmpty;
  }
  const nothing = document.getElementById("no-result");
  nothing.hidden = found > 0 || words.length === 0;
  nothing.querySelector("bdi").textContent = field.value.trim();
  return words.length > 0 ? found : null;
}

function clear() {
  field.value = "";
  search();
  field.focus();
}

field.addEventListener("input", () => {
  const found = search();
  if (found !== null) say(found === 0 ? "No dish" : found === 1 ? "1 dish" : `${found} dishes`);
});
field.addEventListener("keydown", (event) => event.key === "Escape" && clear());
document.addEventListener("click", (event) => event.target.closest("#no-result button") && clear());
document.addEventListener("click", (event) => {
  const category = event.target.closest('.categories a[href^="#section-"]');
  if (!category || !document.querySelector(category.hash).hidden) return;
  field.value = ""; // who goes to a category wants to see it
  search();
});
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  if (location.hash === "#order") history.back();
  field.focus();
});
