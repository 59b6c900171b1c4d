"""Each refusal as an answer: a problem document (RFC 9457) with the members that are its own."""

from typing import Any

from common import errors
from common.api.description import Refusals, Shape
from common.api.shapes import COUNT, TEXT, Json, list_of, object_of
from common.errors import Refusal
from common.orders.lifecycle import STATUSES

#: What every route may answer: the request does not come as it should, or the house is in trouble.
OF_ALL: Refusals = (
    errors.Malformed,
    errors.TooSlow,
    errors.TooLarge,
    errors.HeadTooLarge,
    errors.Broken,
    errors.Unavailable,
)
#: And what one answers that reads a body.
OF_BODIES: Refusals = (errors.WrongMediaType, errors.Invalid)

_ERRORS = list_of(object_of(field=TEXT, message=TEXT), minItems=1, maxItems=50)
_SHOWN_ERRORS = [{"field": "items[1].price", "message": "Must be 0.01 to 999.99."}]
_FIELD = {"type": "string", "description": "What is taken."}

#: The members that a refusal has besides those of all.
_OWN: dict[type[Refusal], Json] = {
    errors.Invalid: {"errors": _ERRORS},
    errors.SoldOut: {"errors": _ERRORS},
    errors.PriceChanged: {"errors": _ERRORS},
    errors.MethodNotAllowed: {"allow": list_of(TEXT)},
    errors.IllegalMove: {"current_status": {"enum": list(STATUSES)}, "allowed": list_of({"enum": list(STATUSES)})},
    errors.Taken: {"field": _FIELD},
    errors.TooManyRequests: {"retry_after": {**COUNT, "description": "Seconds."}},
}
_SHOWN: dict[type[Refusal], tuple[str, dict[str, Any]]] = {
    errors.Malformed: ("The body is not valid JSON.", {}),
    errors.TooSlow: ("The body did not come within 10 s.", {}),
    errors.TooLarge: ("At most 65536 bytes are read.", {}),
    errors.HeadTooLarge: ("At most 16384 bytes are read before the body.", {}),
    errors.WrongMediaType: ("Send the body as application/json.", {}),
    errors.Invalid: ("Not accepted: items[1].price.", {"errors": _SHOWN_ERRORS}),
    errors.SoldOut: (
        "Not accepted: items[0].name.",
        {"errors": [{"field": "items[0].name", "message": "Sold out."}]},
    ),
    errors.PriceChanged: (
        "Not accepted: items[0].price.",
        {"errors": [{"field": "items[0].price", "message": "Costs 16.50 now."}]},
    ),
    errors.Unauthorized: ("Sign in first.", {}),
    errors.Forbidden: ("This is for staff.", {}),
    errors.NotFound: ("There is no such order.", {}),
    errors.MethodNotAllowed: ("Try GET, HEAD.", {"allow": ["GET", "HEAD"]}),
    errors.IllegalMove: (
        "ORD_20261122_001 is ready and cannot become cancelled.",
        {"current_status": "ready", "allowed": []},
    ),
    errors.Taken: ("There is an account with that email.", {"field": "email"}),
    errors.NoMail: ("This house sends no e-mails. Ask the house: it can give you a new password.", {}),
    errors.LinkEnded: ("This link is not good any more. Ask for a new one.", {}),
    errors.NotOver: ("It waits to be sent, or is just being sent.", {}),
    errors.TooMany: ("There are 50 webhooks, and no more may be.", {}),
    errors.LastAdmin: ("Make somebody else an admin first.", {}),
    errors.TooManyRequests: ("Try again in 12 s.", {"retry_after": 12}),
    errors.Unavailable: ("This process is busy; try again in a moment.", {}),
    errors.Broken: ("It is logged under this request id.", {}),
}
#: The headers that come with a refusal.
HEADERS: dict[type[Refusal], dict[str, Json]] = {
    errors.Unauthorized: {"WWW-Authenticate": {"const": "Bearer"}},
    errors.MethodNotAllowed: {"Allow": TEXT},
    errors.TooManyRequests: {"Retry-After": {"type": "integer", "minimum": 1, "description": "Seconds."}},
    errors.Unavailable: {"Retry-After": {"type": "integer", "minimum": 1, "description": "Seconds."}},
}


def shape_of(refusal: type[Refusal]) -> Shape:
    """The problem document of a refusal."""
    schema = object_of(
        type={"const": f"urn:expedite:problem:{refusal.code}"},
        title={"const": refusal.title},
        status={"const": refusal.status},
        detail={"type": "string", "description": "For people."},
        code={"const": refusal.code},
        request_id={"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        **_OWN.get(refusal, {}),
    )
    detail, own = _SHOWN.get(refusal, ("", {}))
    example = {**refusal(detail).problem("8153b6a1d31c4058a604e33d325d405b"), **own}
    return Shape(refusal.__name__, {**schema, "description": _first_sentence(refusal)}, (example,))


def _first_sentence(refusal: type[Refusal]) -> str:
    return " ".join((refusal.__doc__ or "").split("\n\n")[0].split())
