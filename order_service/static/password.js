// Shows what was typed as a password, for as long as one likes.

for (const button of document.querySelectorAll("button[data-shows]")) {
  const input = document.getElementById(button.dataset.shows);
  const use = button.querySelector("use");
  const icons = use.getAttribute("href").split("#")[0];
  button.addEventListener("click", () => {
    const isShown = input.type === "password";
    input.type = isShown ? "text" : "password";
    button.setAttribute("aria-pressed", String(isShown));
    use.setAttribute("href", `${icons}#${isShown ? "no-eye" : "eye"}`);
  });
}
