"""What a service answers over HTTP, described: OpenAPI 3.1, made from its routes and from the forms that it fills.

A service has a module `api` that holds `API`, with one `Route` for each of its `@http` methods, under its name:

    API = Api("Orders", "Takes orders.", {
        "place_order": Route(
            who=ANYBODY,
            body=NEW_ORDER,
            answer=PLACED,
            problems=(Invalid, SoldOut),
            headers=(IDEMPOTENCY_KEY,),
        ),
        **PROBES,
    })

What the code says already is not said again: the method, the address and the status come from the entrypoint, the
first line of words from the method's docstring, and what a form may hold from the marshmallow schema that checks
it. A test fails for a route that is not described, and for a description that has no route.

Nothing of this is loaded before somebody asks for the document.

| module | what it knows |
| --- | --- |
| description | what a service writes down of a route |
| shapes | how answers are put together, and what is in many of them |
| forms | JSON Schema of a marshmallow schema |
| problems | each refusal as an answer |
| probes | the routes that every service has |
| document | the whole as OpenAPI |
"""

from common.api.description import (
    ADMINS,
    ANYBODY,
    EVERYBODY,
    HOLDERS,
    SIGNED_IN,
    STAFF,
    WHOEVER_HAS_THE_KEY,
    Event,
    Parameter,
    Route,
    Shape,
    Who,
)
from common.api.document import Api
from common.api.probes import PROBES

__all__ = [
    "ADMINS",
    "ANYBODY",
    "EVERYBODY",
    "HOLDERS",
    "PROBES",
    "SIGNED_IN",
    "STAFF",
    "WHOEVER_HAS_THE_KEY",
    "Api",
    "Event",
    "Parameter",
    "Route",
    "Shape",
    "Who",
]
