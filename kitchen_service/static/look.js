// How the board looks, which each screen keeps for itself: before anything is drawn.

(() => {
  const root = document.documentElement;
  try {
    const kept = JSON.parse(localStorage.getItem("board-look") ?? "{}");
    if (kept.theme === "light") root.dataset.theme = "light";
    if (kept.size >= 90 && kept.size <= 130) root.style.fontSize = `${kept.size}%`;
  } catch {
    // Nothing is kept here.
  }
})();
