// One order type at a time. All tickets are in the page; what is not shown is counted in a band.

import { say } from "./say.js";

const root = document.documentElement;

export function filter(then) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-filter]");
    if (link === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(link.dataset.filter);
    then();
  });

  function show(type) {
    root.dataset.type = type;
    for (const link of document.querySelectorAll(".filter a")) {
      if (link.dataset.filter === type) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    history.replaceState(null, "", type === "all" ? "/board" : `/board?type=${type}`);
    const band = [...document.querySelectorAll(".hidden-band")].find((each) => each.dataset.of === type);
    say(band ? band.querySelector("p").textContent : "All tickets are shown");
  }
}
