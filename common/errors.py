"""Refusals: what a caller did that cannot be, and its one mapping to HTTP and RPC.

Raise one of these from anywhere; HTTP answers it as RFC 9457 problem details, and an RPC caller gets the
same exception with the same fields.
"""

import math
from collections.abc import Sequence
from typing import Any

from nameko.exceptions import deserialize_to_instance

FieldErrors = Sequence[dict[str, str]]

_MAX_ERRORS = 50  # of one request that are answered, and logged


class Refusal(Exception):
    """A request that is answered with an error. `detail` is for people, `code` for programs.

    `extra` holds further members of the problem document; `headers` go with an HTTP answer.
    """

    status = 400
    code = "bad_request"
    title = "Bad request"

    def __init__(self, detail: str = "", extra: dict[str, Any] | None = None) -> None:
        # Both are in args: that is what travels to an RPC caller.
        super().__init__(detail, extra or {})
        self.detail = detail
        self.extra = extra or {}

    @property
    def headers(self) -> dict[str, str]:
        return {}

    def __str__(self) -> str:
        return f"{self.title}: {self.detail}" if self.detail else self.title

    def problem(self, request_id: str | None) -> dict[str, Any]:
        """The problem document (RFC 9457)."""
        return {
            "type": f"urn:expedite:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            **self.extra,
        }


@deserialize_to_instance
class Malformed(Refusal):
    """The request cannot be read at all."""

    status, code, title = 400, "malformed", "Malformed request"


@deserialize_to_instance
class Invalid(Refusal):
    """The request can be read and breaks rules; `errors` names every broken field at once."""

    status, code, title = 422, "validation_failed", "Validation failed"

    @classmethod
    def fields(cls, errors: FieldErrors) -> "Invalid":
        """Of `errors`, each {"field": "items[1].price", "message": "…"}; of more than 50 the first."""
        shown = list(errors[:_MAX_ERRORS])
        names = ", ".join(dict.fromkeys(error["field"] or "body" for error in shown))
        more = f", and {len(errors) - len(shown)} more" if len(errors) > len(shown) else ""
        return cls(f"Not accepted: {names}{more}.", {"errors": shown})


@deserialize_to_instance
class SoldOut(Invalid):
    """Some of what is ordered is sold out; `errors` names all of it."""

    code, title = "sold_out", "Sold out"


@deserialize_to_instance
class PriceChanged(Invalid):
    """Some of what is ordered has another price than the customer saw; `errors` names all of it."""

    code, title = "price_changed", "The price has changed"


@deserialize_to_instance
class Unauthorized(Refusal):
    """Nobody is signed in, or by a token that is worth nothing (any more)."""

    status, code, title = 401, "unauthorized", "Not signed in"

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": "Bearer"}


@deserialize_to_instance
class Forbidden(Refusal):
    """Whoever is signed in may not do this."""

    status, code, title = 403, "forbidden", "Not allowed"


@deserialize_to_instance
class NotFound(Refusal):
    """It does not exist, or it is not the caller's to know."""

    status, code, title = 404, "not_found", "Not found"


@deserialize_to_instance
class NoMail(NotFound):
    """It is done by e-mail, and no e-mails are sent from here."""

    code, title = "no_mail", "No e-mail from here"


@deserialize_to_instance
class MethodNotAllowed(Refusal):
    """The path exists, the method does not; `allow` lists those that do."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"

    @property
    def headers(self) -> dict[str, str]:
        return {"Allow": ", ".join(self.extra.get("allow", []))}


@deserialize_to_instance
class IllegalMove(Refusal):
    """The order's status does not allow the move."""

    status, code, title = 409, "illegal_move", "Not possible now"

    @classmethod
    def of(cls, order_number: str, current: str, wanted: str, allowed: Sequence[str]) -> "IllegalMove":
        return cls(
            f"{order_number} is {current} and cannot become {wanted}.",
            {"current_status": current, "allowed": list(allowed)},
        )

    @classmethod
    def in_other_hands(cls, order_number: str, current: str, holder: str, allowed: Sequence[str]) -> "IllegalMove":
        return cls(
            f"{order_number} is in the hands of {holder}.", {"current_status": current, "allowed": list(allowed)}
        )


@deserialize_to_instance
class Taken(Refusal):
    """Somebody or something has that name already; `field` says which name."""

    status, code, title = 409, "taken", "Already taken"


@deserialize_to_instance
class LinkEnded(Refusal):
    """A link from a letter that is over: used, replaced, too old, or none of ours."""

    status, code, title = 410, "link_ended", "This link is over"


@deserialize_to_instance
class LastAdmin(Refusal):
    """It would leave nobody who can manage people."""

    status, code, title = 409, "last_admin", "The last admin"


@deserialize_to_instance
class NotOver(Refusal):
    """A delivery that is to be sent again is being sent already."""

    status, code, title = 409, "not_over", "Being sent already"


@deserialize_to_instance
class TooMany(Refusal):
    """There are as many as there may be."""

    status, code, title = 409, "too_many", "No more of these"


@deserialize_to_instance
class StillOpen(Refusal):
    """Orders are not over yet that have to be; `orders` are their numbers, of many the first."""

    status, code, title = 409, "still_open", "Not possible yet"


@deserialize_to_instance
class TooSlow(Refusal):
    """The request did not come in the time that there is for one."""

    status, code, title = 408, "too_slow", "Request timeout"


@deserialize_to_instance
class HeadTooLarge(Refusal):
    """More before the body than is read."""

    status, code, title = 431, "head_too_large", "Request header fields too large"


@deserialize_to_instance
class TooLarge(Refusal):
    """The body is larger than is read."""

    status, code, title = 413, "too_large", "Body too large"


@deserialize_to_instance
class WrongMediaType(Refusal):
    """The body is not JSON by its Content-Type."""

    status, code, title = 415, "wrong_media_type", "Unsupported media type"


@deserialize_to_instance
class TooManyRequests(Refusal):
    """Too often from there or by them; it works again in `retry_after` seconds, which is in `extra`."""

    status, code, title = 429, "too_many_requests", "Too many requests"

    @classmethod
    def until(cls, seconds: float) -> "TooManyRequests":
        """It works again in so many seconds."""
        wait = max(1, math.ceil(seconds))
        return cls(f"Try again in {wait} s.", {"retry_after": wait})

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.extra["retry_after"])}


@deserialize_to_instance
class Unavailable(Refusal):
    """Something that the answer needs is down or overloaded; it may work in `retry_after` seconds."""

    status, code, title = 503, "unavailable", "Temporarily unavailable"
    retry_after = 2

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)}


@deserialize_to_instance
class Broken(Refusal):
    """A fault of ours. What happened stands in the log under the request id, not in the answer."""

    status, code, title = 500, "internal_error", "Internal error"
