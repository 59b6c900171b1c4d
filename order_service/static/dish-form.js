// The form that a dish is written in: lines for more ingredients, and on a desk it opens beside the menu.

const isDesk = matchMedia("(min-width: 64rem)");

/** Adds lines for ingredients in place, and puts the focus on what is wrong. */
export function writeDish() {
  document.getElementById("summary")?.focus();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-adds-line]");
    if (!button) return;
    event.preventDefault();
    const lines = document.querySelector(".dish-lines");
    const line = lines.lastElementChild.cloneNode(true);
    line.querySelector(".dish-line-wrong")?.remove();
    const number = lines.children.length;
    for (const input of line.querySelectorAll("input")) {
      const isAmount = input.name === "amount";
      input.value = "";
      input.id = `ingredient-${number}-${isAmount ? "amount" : "name"}`;
      input.setAttribute("aria-label", `${isAmount ? "Amount of ingredient" : "Ingredient"} ${number + 1}`);
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
    lines.append(line);
    button.hidden = lines.children.length >= Number(lines.dataset.most);
    line.querySelector("input").focus();
  });
}

/** Opens and closes the form without leaving the menu where it is. */
export function openBeside() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-writes], a[data-closes]");
    if (!link || !isDesk.matches || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(link.href, () => history.pushState(null, "", link.href));
  });
  addEventListener("popstate", () => show(location.href));
}

/** Marks the dish on the menu that is open beside it. */
export function markOpen() {
  for (const link of document.querySelectorAll(".dish a[data-writes]")) {
    if (link.href === location.href) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

async function show(address, then = () => {}) {
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const side = page.getElementById("side");
    if (side === null) throw new Error("another page"); // signed out
    then();
    document.title = page.title;
    document.querySelector(".menu-page").className = page.querySelector(".menu-page").className;
    document.getElementById("side").replaceWith(side);
    markOpen();
    side.querySelector("h2[tabindex]")?.focus();
  } catch {
    location.href = address;
  }
}
