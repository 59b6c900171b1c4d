// Whether the server can be reached. Without it all can be read, and nothing moved.

export const NO_CONNECTION = "No connection: nothing was moved.";

const root = document.documentElement;

export function isCutOff() {
  return root.classList.contains("cut-off");
}

export function setCutOff(is) {
  root.classList.toggle("cut-off", is);
  for (const button of document.querySelectorAll("[data-move], .moves button")) button.ariaDisabled = is ? "true" : null;
}
