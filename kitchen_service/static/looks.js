// The small menu: dark or light, and how large, 90 to 130 %. look.js has it from here when the page is loaded again.

const SMALLEST = 90;
const LARGEST = 130;

const root = document.documentElement;
const changed = [];

/** Calls `then` when the size has changed. */
export function onResize(then) {
  changed.push(then);
}

export function looks() {
  const size = document.getElementById("size");
  const themes = document.querySelectorAll("#theme input");
  for (const input of themes) {
    input.checked = input.value === root.dataset.theme;
    input.addEventListener("change", () => {
      root.dataset.theme = input.value;
      keep();
    });
  }
  size.addEventListener("click", (event) => {
    const by = Number(event.target.closest("button")?.dataset.by ?? 0);
    root.style.fontSize = `${Math.min(LARGEST, Math.max(SMALLEST, percent() + by))}%`;
    show();
    keep();
    for (const then of changed) then();
  });
  show();

  function show() {
    size.querySelector("output").textContent = `${percent()} %`;
    for (const button of size.querySelectorAll("button")) {
      button.disabled = percent() === (button.dataset.by < 0 ? SMALLEST : LARGEST);
    }
  }
}

function percent() {
  return Number.parseInt(root.style.fontSize, 10) || 100;
}

function keep() {
  try {
    localStorage.setItem("board-look", JSON.stringify({ theme: root.dataset.theme, size: percent() }));
  } catch {
    // It lasts until the page is loaded again.
  }
}
