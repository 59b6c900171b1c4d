"""The whole as OpenAPI 3.1."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from marshmallow import Schema

from common.api import problems
from common.api.description import BEARER, ORDER_KEY, Parameter, Refusals, Route, Shape
from common.api.forms import OPENAPI_VERSION, Forms
from common.api.shapes import PATH, TEXT, Json
from common.http import HttpEntrypoint
from common.http.answer import JSON, PROBLEM

VERSION = "1.0"  # of what is described; a member more is no new one

_STREAM = "text/event-stream"
_SECURITY = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `token` that `POST /login` of order_service answers; good for an hour.",
    },
    ORDER_KEY: {
        "type": "apiKey",
        "in": "query",
        "name": "key",
        "description": "An order's own secret, which stands in the `tracking_url` that placing it answers.",
    },
}
_REQUEST_ID = Parameter(
    "X-Request-ID",
    {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    "What this request is called in logs and answers, here and wherever it leads; made up if there is none.",
)
_REQUEST_ID_COMES_BACK = {"$ref": "#/components/headers/RequestId"}
_AFTER = (
    Parameter("after", {"type": "string", "maxLength": 200}, "As `Last-Event-ID`, for who cannot send headers."),
    Parameter("Last-Event-ID", {"type": "string", "maxLength": 200}, "The id of the last event that was seen."),
)


@dataclass(frozen=True)
class Api:
    """What a service answers: its name for people, what it is for, and its routes by their methods' names."""

    title: str
    description: str
    routes: Mapping[str, Route]

    def openapi(self, service: type, url: str) -> dict[str, Any]:
        """The document of `service`, reached at `url`. Raises KeyError for a route that is not described."""
        return _Document(self, url).of(service)


def routes_of(service: type) -> Iterator[tuple[str, HttpEntrypoint]]:
    """The entrypoints for programs, by the names of their methods, in the order in which they stand there."""
    for kind in service.__mro__:
        for name, member in vars(kind).items():
            for entrypoint in getattr(member, "nameko_entrypoints", ()):
                if isinstance(entrypoint, HttpEntrypoint) and entrypoint.is_for_programs:
                    yield name, entrypoint


class _Document:
    def __init__(self, api: Api, url: str) -> None:
        self._api = api
        self._spec = APISpec(
            api.title,
            VERSION,
            OPENAPI_VERSION,
            plugins=[Forms()],
            info={"description": api.description},
            servers=[{"url": url}],
        )
        self._shapes: dict[str, Shape] = {}
        self._problems: set[str] = set()
        for name, scheme in _SECURITY.items():
            self._spec.components.security_scheme(name, scheme)
        self._spec.components.parameter("RequestId", "header", _parameter(_REQUEST_ID, "header"))
        self._spec.components.header("RequestId", {"required": True, "schema": _REQUEST_ID.schema})

    def of(self, service: type) -> dict[str, Any]:
        paths: dict[str, Json] = {}
        for name, entrypoint in routes_of(service):
            route = self._api.routes[name]
            path = re.sub(r"<(\w+)>", r"{\1}", entrypoint.url)
            operation = self._operation(name, route, entrypoint, getattr(service, name).__doc__ or "")
            paths.setdefault(path, {})[entrypoint.method.lower()] = operation
        for path, operations in paths.items():
            self._spec.path(path=path, operations=operations)
        sections = dict.fromkeys(route.section for route in self._api.routes.values())
        return {**self._spec.to_dict(), "tags": [{"name": name} for name in sections]}

    def _operation(self, name: str, route: Route, entrypoint: HttpEntrypoint, docstring: str) -> Json:
        operation: Json = {
            "operationId": name,
            "tags": [route.section],
            "summary": " ".join(docstring.split("\n\n", maxsplit=1)[0].split()),
            "description": " ".join(f"For {route.who.words}. {route.description}".split()),
            "parameters": self._parameters(route, entrypoint),
            "security": [{} if scheme is None else {scheme: []} for scheme in route.who.security],
            "responses": self._responses(route, entrypoint),
        }
        if route.body is not None:
            operation["requestBody"] = {
                "required": not route.is_body_optional,
                "content": {JSON: self._content(route.body)},
            }
        if route.is_inside:
            operation["x-inside"] = True
        if route.events:
            operation["x-events"] = [
                {"event": event.name, "description": event.description, **self._content(event.data)}
                for event in route.events
            ]
        return operation

    def _parameters(self, route: Route, entrypoint: HttpEntrypoint) -> list[Json | str]:
        names = re.findall(r"<(\w+)>", entrypoint.url)
        after, last_event_id = _AFTER if route.events else (None, None)
        return [
            *({"name": name, "in": "path", "required": True, **_said(PATH[name])} for name in names),
            *(_parameter(each, "query") for each in (*route.query, after) if each),
            *(_parameter(each, "header") for each in (*route.headers, last_event_id) if each),
            "RequestId",  # apispec makes a reference of it
        ]

    def _responses(self, route: Route, entrypoint: HttpEntrypoint) -> Json:
        headers: Json = {"X-Request-ID": _REQUEST_ID_COMES_BACK}
        if entrypoint.location is not None:
            headers["Location"] = {"required": True, "schema": TEXT}
        if isinstance(route.answer, Shape):
            words, content = HTTPStatus(entrypoint.status).phrase, {JSON: self._content(route.answer)}
        else:
            kind = _STREAM if route.events else str(entrypoint.content_type)
            words, content = route.answer, {kind: {"schema": TEXT}}
        answers = {str(entrypoint.status): {"description": words, "headers": headers, "content": content}}
        if route.promise is not None:
            answers[str(HTTPStatus.ACCEPTED.value)] = {
                "description": HTTPStatus.ACCEPTED.phrase,
                "headers": {"X-Request-ID": _REQUEST_ID_COMES_BACK},
                "content": {JSON: self._content(route.promise)},
            }
        by_status: dict[int, Refusals] = {}
        of_body = problems.OF_BODIES if route.body is not None else ()
        for refusal in dict.fromkeys((*route.who.refusals, *route.problems, *of_body, *problems.OF_ALL)):
            by_status[refusal.status] = (*by_status.get(refusal.status, ()), refusal)
        for status in sorted(by_status):
            answers[str(status)] = self._problem(by_status[status])
        return answers

    def _problem(self, refusals: Refusals) -> Json:
        """One status, which may mean several things; put into the document once."""
        name = "Or".join(refusal.__name__ for refusal in refusals)
        if name not in self._problems:
            self._problems.add(name)
            self._spec.components.response(name, self._problem_response(refusals))
        return {"$ref": f"#/components/responses/{name}"}

    def _problem_response(self, refusals: Refusals) -> Json:
        shapes = [problems.shape_of(refusal) for refusal in refusals]
        headers: Json = {"X-Request-ID": _REQUEST_ID_COMES_BACK}
        for refusal in refusals:
            for name, schema in problems.HEADERS.get(refusal, {}).items():
                headers[name] = {"required": len(refusals) == 1, "schema": schema}
        refs = [self._resolved(shape) for shape in shapes]
        return {
            "description": "; ".join(dict.fromkeys(refusal.title for refusal in refusals)),
            "headers": headers,
            "content": {
                PROBLEM: {
                    "schema": refs[0] if len(refs) == 1 else {"oneOf": refs},
                    "examples": {
                        refusal.code: {"value": shape.examples[0]}
                        for refusal, shape in zip(refusals, shapes, strict=True)
                    },
                }
            },
        }

    def _content(self, shape: Shape) -> Json:
        content: Json = {"schema": self._resolved(shape)}
        if len(shape.examples) == 1:
            content["example"] = shape.examples[0]
        elif shape.examples:
            content["examples"] = {str(n): {"value": each} for n, each in enumerate(shape.examples, 1)}
        return content

    def _resolved(self, value: Any) -> Any:
        """JSON Schema with references where shapes stood; each is put into the document once, under its name."""
        if isinstance(value, Shape):
            if value.name not in self._shapes:
                self._shapes[value.name] = value
                if isinstance(value.schema, Schema):
                    self._spec.components.schema(value.name, schema=value.schema)
                else:
                    self._spec.components.schema(value.name, self._resolved(value.schema))
            return {"$ref": f"#/components/schemas/{value.name}"}
        if isinstance(value, Mapping):
            return {name: self._resolved(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._resolved(each) for each in value]
        return value


def _parameter(parameter: Parameter, place: str) -> Json:
    described: Json = {
        "name": parameter.name,
        "in": place,
        "description": parameter.description,
        "schema": parameter.schema,
    }
    if parameter.is_list:
        described |= {"style": "form", "explode": False}
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


def _said(schema: Json) -> Json:
    """A schema and what it says, apart."""
    schema = dict(schema)
    return {"description": schema.pop("description"), "schema": schema}
