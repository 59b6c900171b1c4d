// The menu, for staff. Without it the page works by links and forms; with it a touch sells out in place, the search
// narrows as one types, and on a desk a dish opens beside the menu.

import { followScrolling, markCategory } from "./categories.js";
import { markOpen, openBeside, writeDish } from "./dish-form.js";
import { search } from "./search.js";
import { sellOutInPlace } from "./sell-out.js";

document.getElementById("search-form").addEventListener("submit", (event) => event.preventDefault());
document.getElementById("search").addEventListener("input", markCategory);
followScrolling();
sellOutInPlace(() => {
  search();
  markOpen();
});
writeDish();
openBeside();
