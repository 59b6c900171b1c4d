"""The `@page` entrypoint: a form's fields and who sends it, and the answer that a browser gets."""

from typing import Any
from urllib.parse import parse_qsl, quote

from common import errors
from common.accounts import tokens
from common.http import HttpEntrypoint
from common.http.answer import Answer, Stream, StreamAnswer
from common.http.entrypoint import SESSION
from common.http.request import Request
from common.pages.answers import KEEP, Page, Redirect
from common.pages.extensions import Rendering

HTML = "text/html; charset=utf-8"
_MAX_FIELDS = 3500  # of a form; a menu of a thousand dishes has three for each


class Form(dict[str, str]):
    """A form's fields, the first of each name; `many()` has them all, of boxes that can be ticked."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(reversed(pairs))
        self._pairs = pairs

    def many(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]


class PageEntrypoint(HttpEntrypoint):
    """See the package. A `Stream` is answered, too: what a screen shows all day renews its session so. A method
    may ask for `form`, the fields that were sent, and for `here`, the page's own address."""

    rendering = Rendering()
    is_page = True
    is_for_programs = False

    def setup(self) -> None:
        super().setup()
        settings = self.rendering.settings
        self._policy = _policy(settings.own_origins)
        self._is_secure = settings.public_url.startswith("https:")

    def answered(self, arguments: dict[str, object], request: Request) -> Answer:
        result, is_signed_out = self._result(arguments, request)
        if isinstance(result, Redirect):
            return self._redirected(result, request)
        answer: Answer
        if isinstance(result, Stream):
            answer = StreamAnswer(200, result, request.request_id)
        else:
            answer = self._rendered(result, request)
        if is_signed_out:
            answer.headers.append(("Set-Cookie", self._cookie(None)))
        elif (renewed := self._renewed(request)) is not None:
            answer.headers.append(("Set-Cookie", self._cookie(renewed)))
        return answer

    def refused(self, refusal: errors.Refusal, request: Request) -> Answer:
        if isinstance(refusal, errors.Unauthorized):
            # What was sent cannot be sent again from there: they go on at the page that it belongs to.
            here = _here(request) if request.method in ("GET", "HEAD") else "/" + request.path.split("/")[1]
            own_url = self.rendering.settings.own_url(self.rendering.name)
            answer = Answer(303, HTML, b"", request.request_id)
            answer.headers.append(
                (
                    "Location",
                    f"{self.rendering.settings.public_url}/sign-in?next={quote(own_url + here, safe='')}",
                )
            )
            return answer
        values = {"refusal": refusal, "request_id": request.request_id}
        answer = self._rendered(Page("error.html", None, values, refusal.status), request)
        answer.headers += refusal.headers.items()
        return answer

    def _result(self, arguments: dict[str, object], request: Request) -> tuple[Any, bool]:
        """What the method returns, and whether its caller has turned out to be signed in no more."""
        try:
            return self.call(arguments, request), False
        except errors.Unauthorized:
            # A session that has ended makes a guest of who looks at a page; what was sent in its name is not done.
            caller = arguments.get("caller")
            if request.method not in ("GET", "HEAD") or not isinstance(caller, dict) or caller["token"] is None:
                raise
            return self.call({**arguments, "caller": {**caller, "token": None}}, request), True

    def _redirected(self, redirect: Redirect, request: Request) -> Answer:
        answer = Answer(303, HTML, b"", request.request_id)
        answer.headers.append(("Location", redirect.location))
        if redirect.session is not KEEP:
            answer.headers.append(("Set-Cookie", self._cookie(redirect.session)))
        return answer

    def _rendered(self, page: Page, request: Request) -> Answer:
        body = self.rendering.render(page.template, person=page.person, here=_here(request), **page.values)
        answer = Answer(page.status, HTML, body.encode(), request.request_id)
        answer.referrer_policy = page.referrer_policy
        answer.headers += self._policy
        return answer

    def _renewed(self, request: Request) -> str | None:
        token = request.cookie(SESSION)
        return None if not token else tokens.renewed(token, self.rendering.settings.signing_keys())

    def _cookie(self, token: object) -> str:
        """Not for scripts, and not sent along with what another site begins, but for a link that leads here."""
        seconds = 0 if token is None else int(tokens.SESSION_LIFETIME.total_seconds())
        cookie = f"{SESSION}={token or ''}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax"
        return cookie + "; Secure" if self._is_secure else cookie


def _here(request: Request) -> str:
    return f"{request.path}?{request.query_string}" if request.query_string else request.path


def _policy(own_origins: frozenset[str]) -> list[tuple[str, str]]:
    """What a browser may do with a page: scripts, styles and pictures are files of ours, and nothing that somebody
    wrote into a page runs."""
    ours = " ".join(["'self'", *sorted(own_origins)])
    rules = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; manifest-src 'self'; "
        f"connect-src {ours}; form-action {ours}; base-uri 'none'; frame-ancestors 'none'"
    )
    return [
        ("Content-Security-Policy", rules),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ]


def _form(request: Request) -> Form:
    """Raises Forbidden for what another site's page sends, WrongMediaType and Malformed."""
    if not request.is_from_our_pages():
        raise errors.Forbidden("This was sent from another site's page. Open the page here, and try again.")
    if not request.wants_page():
        raise errors.WrongMediaType("Send the fields as a form does.")
    try:
        pairs = parse_qsl(
            request.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
        )
    except ValueError as exc:  # UnicodeDecodeError is one
        raise errors.Malformed(f"Not a form of at most {_MAX_FIELDS} fields.") from exc
    return Form(pairs)


PageEntrypoint.own_readers = {"form": _form, "here": _here}

page = PageEntrypoint.decorator
