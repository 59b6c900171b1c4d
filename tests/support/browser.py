"""A real Chromium, and pages in it as somebody sees them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, Playwright, Request

from tests.support import packages
from tests.support.eventually import eventually
from tests.support.people import Someone

PHONE = {"width": 390, "height": 844}
TABLET = {"width": 1180, "height": 820}
DESKTOP = {"width": 1440, "height": 900}
WALL = {"width": 1920, "height": 1080}

_INSTALLED = Path("/usr/lib/chromium/chromium")
#: What axe calls a fault that keeps somebody out.
_SERIOUS = ("serious", "critical")
_IN_TRANSITION = """
    document.getAnimations().some((each) => each instanceof CSSTransition && each.playState === "running")
"""
# The font that screens were drawn with, so that a screenshot looks the same on every machine.
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{cache}</cachedir>
  <alias binding="strong"><family>system-ui</family><prefer><family>Inter</family></prefer></alias>
  <alias binding="strong"><family>sans-serif</family><prefer><family>Inter</family></prefer></alias>
</fontconfig>
"""


def launch(playwright: Playwright, folder: Path) -> Browser:
    """Debian's Chromium: the machine's, or a private copy. `folder` is for what it keeps while it runs."""
    path, libraries = _INSTALLED, ""
    if not path.exists():
        copy = packages.unpacked("chromium")
        path, libraries = copy / "usr/lib/chromium/chromium", packages.libraries(copy)
    fonts = folder / "fonts.conf"
    fonts.write_text(_FONTS.format(fonts=packages.unpacked("fonts-inter"), cache=folder / "fonts"))
    return playwright.chromium.launch(
        executable_path=path,
        args=["--no-sandbox", "--disable-gpu"],  # whoever runs the tests may be root
        env={**os.environ, "LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(fonts)},
    )


class Visitors:
    """Opens pages, each in a browser session of its own, and sees to it that nothing goes wrong in them: no script
    fails, nothing is forbidden by the pages' policy, and nothing is asked of another machine."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url  # of any service: they share a host, and so a session
        self._opened: list[Page] = []
        #: What went wrong so far. A test that makes something go wrong on purpose empties it.
        self.faults: list[str] = []

    def open(self, who: Someone | None = None, viewport: dict[str, int] | None = None, **options: Any) -> Page:
        """A page, not loaded with anything yet, of `who` is signed in; `options` are a Playwright context's
        (color_scheme, java_script_enabled, reduced_motion, …)."""
        context = self._browser.new_context(viewport=viewport or DESKTOP, **options)  # type: ignore[arg-type]
        if who is not None:
            context.add_cookies([{"name": "expedite", "value": who.token, "url": self._url}])
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self._heard(page, said.type, said.text))
        page.on("request", self._asked)
        self._opened.append(page)
        return page

    def _heard(self, page: Page, kind: str, text: str) -> None:
        # An answer of 4xx is one of the page's answers; that it was one is said here, too.
        if kind == "error" and "the server responded with a status of 4" not in text:
            self.faults.append(f"{page.url}: {text}")

    def _asked(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob", "about") and url.hostname != urlsplit(self._url).hostname:
            self.faults.append(f"asked {request.url}")

    def close(self) -> None:
        for page in self._opened:
            with contextlib.suppress(Error):
                page.context.close()


@contextlib.contextmanager
def visitors(browser: Browser, url: str) -> Iterator[Visitors]:
    """Visitors for the length of a block; fails at its end for what went wrong in their pages."""
    opened = Visitors(browser, url)
    try:
        yield opened
        assert opened.faults == []
    finally:
        opened.close()


def settled(page: Page) -> Page:
    """The page, when what is on its way to its place or colour is there: a frame has been drawn, and no transition
    runs."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    eventually(lambda: not page.evaluate(_IN_TRANSITION))
    return page


def serious_faults(page: Page) -> list[str]:
    """What keeps somebody out who does not see, or does not use a mouse: axe's serious faults of the page as it is
    when it has settled."""
    settled(page)
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for fault in found
        if fault["impact"] in _SERIOUS
        for node in fault["nodes"]
    ]


def scrolls_sideways(page: Page) -> bool:
    """True when the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
