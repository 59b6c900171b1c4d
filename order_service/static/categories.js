// The category that is in view is marked in the list of them.

const links = [...document.querySelectorAll('.categories a[href^="#section-"]')];

let chosen = null; // the one that was asked for, until somebody scrolls on; the last ones cannot be scrolled to the top

function mark() {
  const top = document.querySelector(".categories ul").getBoundingClientRect();
  const line = top.height < 100 ? top.bottom + 24 : innerHeight / 4; // under the tabs; beside the list
  const isAtEnd = scrollY > 0 && innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
  const shown = links.filter((link) => !document.querySelector(link.hash)?.hidden);
  const passed = shown.filter((link) => document.querySelector(link.hash)?.getBoundingClientRect().top <= line);
  const current = shown.includes(chosen) ? chosen : isAtEnd ? shown.at(-1) : (passed.at(-1) ?? shown[0]);
  for (const link of links) {
    if (link !== current) link.removeAttribute("aria-current");
    else if (!link.hasAttribute("aria-current")) {
      link.setAttribute("aria-current", "true");
      const list = link.closest("ul");
      list.scrollTo({ left: link.offsetLeft - (list.clientWidth - link.offsetWidth) / 2 });
    }
  }
}

/** Follows the scrolling. */
export function followScrolling() {
  let isDue = false;
  const soon = () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      mark();
    });
  };
  for (const link of links) {
    link.addEventListener("click", () => {
      chosen = link;
      soon();
    });
  }
  for (const event of ["wheel", "touchmove", "keydown"]) {
    addEventListener(
      event,
      () => {
        chosen = null;
        soon();
      },
      { passive: true },
    );
  }
  for (const event of ["scroll", "resize"]) addEventListener(event, soon, { passive: true });
  mark();
}

export { mark as markCategory };
