// What opens: a small menu goes when something else is touched, and what opens in a ticket is brought into view.

export function pops(arrange) {
  document.addEventListener("pointerdown", (event) => {
    for (const pop of document.querySelectorAll(".pop[open]")) if (!pop.contains(event.target)) pop.open = false;
  });
  document.addEventListener(
    "toggle",
    (event) => {
      arrange();
      const ticket = event.target.closest?.(".ticket, .away");
      if (ticket && event.target.open) {
        requestAnimationFrame(() => requestAnimationFrame(() => ticket.scrollIntoView({ block: "nearest" })));
      }
    },
    { capture: true },
  );
}
