// What has the focus keeps it when the HTML around it is replaced: whoever types there types on.

// What two elements share when they do the same.
const SAME = ["formaction", "href", "name", "aria-label"];

/** What has the focus in `element`, and what is selected in it; null when nothing there has it. */
export function focusedIn(element) {
  const focused = document.activeElement;
  if (!element.contains(focused)) return null;
  // Radio buttons and the like have no selection.
  const isText = typeof focused.selectionStart === "number";
  const { selectionStart, selectionEnd, selectionDirection } = focused;
  return { focused, selection: isText ? [selectionStart, selectionEnd, selectionDirection] : null };
}

/** Give it back: to the same element, if that was moved into `fresh`, or to its like. False when there is none. */
export function giveBack({ focused, selection }, fresh) {
  const to = fresh.contains(focused) ? focused : likeOf(focused, fresh);
  to?.focus({ preventScroll: true });
  if (to === focused && selection) to.setSelectionRange(...selection);
  return to !== null && document.activeElement === to;
}

function likeOf(focused, fresh) {
  const likes = [...fresh.querySelectorAll(focused.localName)];
  return likes.find((each) => SAME.every((name) => each.getAttribute(name) === focused.getAttribute(name))) ?? null;
}
