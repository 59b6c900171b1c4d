// Says that scripts run: what only makes sense with them is shown, what stands in for it is hidden (base.css).

document.documentElement.classList.add("scripted");
