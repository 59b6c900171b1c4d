"""What tests of the board in a browser do: place orders, stand at a board, look at it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.browser import WALL, Visitors
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.people import Someone

#: What a board shows, without what the time changes: each lane's cards, and what is counted.
_SHOWN = """
() => {
  const ages = /\\d+:\\d\\d|\\d+ h \\d\\d|\\b\\d+ s\\b/g;
  const text = (element) => element.innerText.replace(ages, "").replace(/\\s+/g, " ").trim();
  const lanes = {};
  for (const tickets of document.querySelectorAll(".lane-tickets")) {
    const lane = tickets.dataset.lane ?? tickets.closest("[data-lane]").dataset.lane;
    lanes[lane] = [...tickets.children].map((card) => [card.id, card.className, text(card)]);
  }
  const counts = {};
  for (const count of document.querySelectorAll("[data-count]")) counts[count.dataset.count] = count.textContent;
  const pieces = ["workers", "all-day", "recall", "nobody-head", "hidden-band", "empty-waiting", "empty-ready"];
  const words = pieces.map((id) => document.getElementById(id).textContent.replace(/\\s+/g, " "));
  return { lanes, counts, words };
}
"""

# A stream that says what a test wants, when the test wants it.
_TOLD_STREAM = """
window.EventSource = class extends EventTarget {
  constructor() {
    super();
    window.stream = this;
  }
  close() {}
};
window.told = (name, data) => window.stream.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
"""
_CUT_OFF = "delete window.stream; dispatchEvent(new Event('offline'))"
_HELLO = """
() => told("hello", {
  now: new Date().toISOString(),
  version: document.querySelector("meta[name=version]").content,
})
"""


def place(running: Expedite, **changes: Any) -> str:
    """An order that people have in their kitchen."""
    number = running.place_number(**changes)
    accepted(running, number)
    return number


def accepted(running: Expedite, number: str) -> None:
    """Until the worker has handed the order to people."""
    eventually(lambda: running.query("select accepted_by from orders where number = %s", number)[0][0])


def stand(visitors: Visitors, running: Expedite, who: Someone, path: str = "/board", **options: Any) -> Page:
    """A board, with `who` in front of it."""
    page = visitors.open(who, options.pop("viewport", WALL), **options)
    page.goto(running.url("kitchen_service") + path)
    return page


def stand_untold(visitors: Visitors, running: Expedite, who: Someone, path: str = "/board") -> Page:
    """A board that the server tells nothing: `tell()` does instead."""
    page = visitors.open(who, WALL)
    page.add_init_script(_TOLD_STREAM)
    page.goto(running.url("kitchen_service") + path)
    eventually(lambda: page.evaluate("'stream' in window"))
    page.evaluate(_HELLO)
    return page


def tell(page: Page, **members: Any) -> None:
    """A change."""
    page.evaluate("(members) => told('change', members)", members)


def keep_time(page: Page) -> None:
    """From now on its time passes only by `page.clock.run_for()`."""
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=5))


def cut_off(page: Page) -> None:
    """From its stream; the next one is opened after a second, and says nothing by itself."""
    page.evaluate(_CUT_OFF)
    page.locator("#lost").wait_for()


def come_back(page: Page) -> None:
    eventually(lambda: page.evaluate("'stream' in window"))
    page.evaluate(_HELLO)
    page.locator("#lost").wait_for(state="hidden")


def come_back_for_a_moment(page: Page, **members: Any) -> None:
    """Told a change, and cut off again before the page has said anything of it."""
    eventually(lambda: page.evaluate("'stream' in window"))
    page.evaluate(f"(members) => {{ ({_HELLO})(); told('change', members); {_CUT_OFF} }}", members)
    page.locator("#lost").wait_for()


def short(number: str) -> str:
    """What people call it."""
    return number.rpartition("_")[2]


def card(page: Page, number: str, lane: str | None = None) -> Locator:
    """An order's card, if it is in that lane."""
    within = "" if lane is None else f'[data-lane="{lane}"] '
    return page.locator(f'{within}[id="{number}"]')


def main_button(page: Page, number: str) -> Locator:
    return card(page, number).locator(".main-move")


def cook(board: Page, number: str) -> None:
    """Start an order that waits, and bump it when it cooks."""
    for lane in ("cooking", "ready"):
        main_button(board, number).click()
        expect(card(board, number, lane)).to_be_visible()


def shown(page: Page) -> Any:
    """All that a board shows, but for ages: two boards that agree show the same."""
    return page.evaluate(_SHOWN)
