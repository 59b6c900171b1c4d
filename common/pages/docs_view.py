"""An OpenAPI document as a page shows it: plain functions on plain values."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Json = Mapping[str, Any]

#: What stands in an address of an example, where it must be one that there is: shell variables, and a dish.
_IN_PATH = {
    "order_number": "$ORDER",
    "user_id": "$USER_ID",
    "name": "Margarita",
    "webhook_id": "$WEBHOOK_ID",
    "delivery_id": "$DELIVERY_ID",
}
_DEPTH = 4  # of members within members
_WIDTH = 44  # characters beside the routes


@dataclass(frozen=True)
class Row:
    """A parameter, or a member of an object; `depth` is how deep it stands."""

    name: str
    kind: str
    description: str = ""
    is_required: bool = False
    depth: int = 0


@dataclass(frozen=True)
class Variant:
    """One of the forms that a body or an answer may have; an answer's has a status."""

    rows: list[Row]
    example: str
    status: str = ""


@dataclass(frozen=True)
class Problem:
    """A refusal: its status, its code and what it is called."""

    status: str
    code: str
    title: str


@dataclass(frozen=True)
class Told:
    """An event of a stream."""

    name: str
    description: str
    example: str


@dataclass(frozen=True)
class Operation:
    """A route."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    is_inside: bool
    curl: str
    answer_status: str
    answer_words: str
    parameters: list[Row] = field(default_factory=list)
    body: list[Variant] = field(default_factory=list)
    is_body_optional: bool = False
    answer: list[Variant] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    events: list[Told] = field(default_factory=list)


@dataclass(frozen=True)
class View:
    """The document. `always` are the problems that each route has, which are shown once."""

    description: str
    url: str
    sections: dict[str, list[Operation]]
    always: list[Problem]


def of(document: Json) -> View:
    """Raises KeyError for what is no document of ours (common/api/document.py)."""
    read = _Reader(document)
    sections: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            sections[operation["tags"][0]].append(read.operation(method.upper(), path, operation))
    operations = [each for section in sections.values() for each in section]
    always = [
        problem for problem in operations[0].problems if all(problem in each.problems for each in operations)
    ]
    for each in operations:
        each.problems[:] = [problem for problem in each.problems if problem not in always]
    return View(document["info"]["description"], read.url, sections, always)


class _Reader:
    def __init__(self, document: Json) -> None:
        self._document = document
        self.url: str = document["servers"][0]["url"]

    def operation(self, method: str, path: str, operation: Json) -> Operation:
        responses = {status: self._found(each) for status, each in operation["responses"].items()}
        status = next(status for status in responses if status.startswith("2"))
        body = operation.get("requestBody")
        content = next(iter(body["content"].values())) if body else None
        answer = next(iter(responses[status]["content"].items()))
        return Operation(
            id=operation["operationId"],
            method=method,
            path=path,
            summary=operation["summary"],
            description=operation["description"],
            is_inside=operation.get("x-inside", False),
            curl=self._curl(method, path, operation, content),
            answer_status=status,
            answer_words="" if answer[0].endswith("json") else responses[status]["description"],
            parameters=[
                Row(each["name"], _kind(each["schema"]), each["description"], each.get("required", False))
                for each in map(self._found, operation["parameters"])
                if each["name"] != "X-Request-ID"
            ],
            body=self._variants(content) if content else [],
            is_body_optional=body is not None and not body["required"],
            answer=[
                replace(variant, status=code)
                for code, response in responses.items()
                if code.startswith("2") and answer[0].endswith("json")
                for variant in self._variants(next(iter(response["content"].values())))
            ],
            problems=[
                Problem(code, name, example["value"]["title"])
                for code, response in responses.items()
                if not code.startswith("2")
                for name, example in next(iter(response["content"].values()))["examples"].items()
            ],
            events=[
                Told(each["event"], each["description"], _line(each["example"]))
                for each in operation.get("x-events", ())
            ],
        )

    def _found(self, value: Json) -> Json:
        """What a reference refers to."""
        while "$ref" in value:
            found: Any = self._document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value

    def _variants(self, content: Json) -> list[Variant]:
        schema = self._found(content["schema"])
        kinds = [self._found(each) for each in schema.get("anyOf", [schema])]
        examples = [content["example"]] if "example" in content else []
        examples += [each["value"] for each in content.get("examples", {}).values()]
        variants = []
        for kind in kinds:
            shown = next((each for each in examples if _fits(each, kind)), None)
            example = "" if shown is None else json.dumps(shown, ensure_ascii=False, indent=2)
            variants.append(Variant(list(self._rows(kind)), example))
        return variants

    def _rows(self, schema: Json, depth: int = 0) -> Iterator[Row]:
        """The members of an object, or of the objects of a list, each followed by its own."""
        schema = self._found(schema)
        if "items" in schema:
            yield from self._rows(schema["items"], depth)
        for name, said in schema.get("properties", {}).items():
            member = self._found(said)
            is_required = name in schema.get("required", ())
            yield Row(name, self._kind(member), member.get("description", ""), is_required, depth)
            if depth < _DEPTH:
                yield from self._rows(member, depth + 1)

    def _kind(self, schema: Json) -> str:
        items = schema.get("items")
        return _kind(schema if items is None else {**schema, "items": self._found(items)})

    def _curl(self, method: str, path: str, operation: Json, content: Json | None) -> str:
        """A command line that works, in a shell that has the variables which the page speaks of."""
        parts = ["curl -N" if operation.get("x-events") else "curl"]
        if method != "GET":
            parts[0] += f" -X {method}"
        ways = [name for way in operation["security"] for name in way]
        if ways and {} not in operation["security"] and "order_key" not in ways:
            parts.append('-H "Authorization: Bearer $TOKEN"')
        if content is not None and operation["requestBody"]["required"]:
            examples = content.get("examples")
            shown = next(iter(examples.values()))["value"] if examples else content["example"]
            parts += ["-H 'Content-Type: application/json'", f"-d '{_typed(shown)}'"]
        for name, value in _IN_PATH.items():
            path = path.replace(f"{{{name}}}", value)
        query = "?key=$KEY" if "order_key" in ways else ""
        parts.append(f'"{self.url}{path}{query}"')
        return " ".join(parts) if len(parts) == 2 else f"{parts[0]} " + " \\\n  ".join(parts[1:])


def _fits(example: Any, kind: Json) -> bool:
    """Whether it can be an example of that variant, by its members."""
    if not isinstance(example, Mapping):
        return True
    return set(kind.get("required", ())) <= set(example) <= set(kind.get("properties", example))


def _typed(value: object) -> str:
    """JSON as it is typed: on one line, if there is room for it."""
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= _WIDTH else json.dumps(value, ensure_ascii=False, indent=2)


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _kind(schema: Json) -> str:
    """What a value may be, in words: "text, 1 to 50 characters"."""
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else list(types)
    may_be_null = "null" in types or None in schema.get("enum", ())
    words = _words(schema, [each for each in types if each != "null"])
    if types == ["null"]:
        return "null"
    return f"{words}, or null" if may_be_null else words


def _words(schema: Json, types: list[str]) -> str:
    if "const" in schema:
        return _line(schema["const"]).strip('"')
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"] if each is not None)
    kind = types[0] if types else "anything"
    if kind == "array":
        bounds = _bounds(schema.get("minItems"), schema.get("maxItems"), "")
        return f"list of {_kind(schema.get('items', {}))}{bounds}".replace("of object", "of objects")
    if kind == "string":
        formats = {"date-time": "time, UTC", "date": "day", "email": "e-mail", "uri": "address"}
        word = formats.get(schema.get("format", ""), "text")
        return word + (_bounds(schema.get("minLength"), schema.get("maxLength"), " characters"))
    if kind in ("integer", "number"):
        word = {"integer": "whole number", "number": "number"}[kind]
        return word + _bounds(schema.get("minimum"), schema.get("maximum"), "")
    return {"boolean": "true | false"}.get(kind, kind)


def _bounds(least: Any, most: Any, unit: str) -> str:
    if most is None or most > 10**9:
        return "" if not least else f", at least {least}{unit}"
    if not least:
        return f", at most {most}{unit}"
    return f", {least} to {most}{unit}"
