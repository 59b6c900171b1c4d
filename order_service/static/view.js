// On a phone the order is a view of its own, at #order; the browser's way back leads to the menu, where it was.

let menuAt = 0;
let isOpenedHere = false;

function show() {
  const root = document.documentElement;
  const was = root.dataset.view;
  root.dataset.view = location.hash === "#order" ? "order" : "menu";
  if (was === undefined || was === root.dataset.view) return;
  if (!matchMedia("(max-width: 59.99rem)").matches) return;
  if (root.dataset.view === "order") {
    scrollTo(0, 0);
    document.getElementById("order-title").focus({ preventScroll: true });
  } else {
    if (location.hash === "" || location.hash === "#menu") scrollTo(0, menuAt);
    const bar = document.getElementById("bar");
    if (!bar.hidden) bar.focus({ preventScroll: true });
  }
}

export function followAddress() {
  show();
  addEventListener("hashchange", show);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (link?.matches("#bar")) {
      menuAt = scrollY;
      isOpenedHere = true;
    }
    if (link?.matches('.order-side [href="#menu"]') && isOpenedHere) {
      event.preventDefault();
      isOpenedHere = false;
      history.back();
    }
    if (link?.closest(".summary") && link.hash && link.origin === location.origin && link.pathname === "/") {
      event.preventDefault(); // the address stays: the order is in view
      focusOn(link.hash.slice(1));
    }
  });
}

function focusOn(id) {
  const place = document.getElementById(id);
  const parts = place?.matches(".line-wrong") ? ["textarea"] : [".line-decide", "input:checked", "input:not([type=hidden])"];
  const inside = parts.map((part) => place?.querySelector(part)).find(Boolean);
  (inside ?? place)?.focus();
  place?.scrollIntoView({ block: "nearest" });
}
