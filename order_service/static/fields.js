// What was typed besides the cart (name, table, address, allergies …) survives a reload, in this tab only, and is
// forgotten when the order is placed or when somebody else is signed in.

const PLACE = "expedite.fields";
const KEPT = ["order_type", "customer_name", "table_number", "delivery_address", "notification_email", "allergies"];

const form = () => document.getElementById("order-form");

export function keepFields() {
  document.addEventListener("input", (event) => {
    if (event.target.form === form() && KEPT.includes(event.target.name)) keep();
  });
}

/** Keeps what stands in the fields now. */
export function keep() {
  const typed = KEPT.map((name) => [name, new FormData(form()).getAll(name)]);
  try {
    sessionStorage.setItem(PLACE, JSON.stringify({ person: form().dataset.person, typed }));
  } catch {
    // Full or forbidden: then it is not kept.
  }
}

/** Puts what was typed back into a page that is new. */
export function restoreFields() {
  let kept = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(PLACE));
  } catch {
    return;
  }
  if (!Array.isArray(kept?.typed) || kept.person !== form().dataset.person) return;
  for (const [name, values] of kept.typed) {
    if (!KEPT.includes(name) || !Array.isArray(values)) continue;
    for (const field of form().querySelectorAll(`[name="${name}"]`)) {
      if (field.type === "radio" || field.type === "checkbox") field.checked = values.includes(field.value);
      else if (typeof values[0] === "string" && values[0]) field.value = values[0];
    }
  }
  for (const details of form().querySelectorAll(".allergies details:has(:checked)")) details.open = true;
}
