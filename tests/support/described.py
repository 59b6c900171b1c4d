"""Holds what is asked of services, and what they answer, against their OpenAPI documents."""

import json
import re
from collections import Counter
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import requests

from tests.support.expedite import Expedite

#: What every client of HTTP sends.
_USUAL = {
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "user-agent",
}


class Described:
    """The documents of running services. As a hook of a session's answers it fails at the first that is not in
    them, and counts the others by their operation."""

    def __init__(self, house: Expedite, *services: str) -> None:
        self._documents = {}
        for service in services:
            answer = requests.get(f"{house.url(service)}/openapi.json", timeout=15)
            self._documents[urlsplit(answer.url).netloc] = answer.json()
        self.asked: Counter[str] = Counter()

    def __call__(self, answer: requests.Response, *args: Any, **kwargs: Any) -> None:
        url = urlsplit(answer.request.url)
        document = self._documents[url.netloc]
        path = next(
            path for path in document["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), str(url.path))
        )
        operation = document["paths"][path][str(answer.request.method).lower()]
        self.asked[operation["operationId"]] += 1
        parameters = [_found(document, each) for each in operation["parameters"]]
        known = {each["name"].lower() for each in parameters if each["in"] == "header"}
        assert {name.lower() for name in answer.request.headers} <= _USUAL | known
        may_have = {each["name"] for each in parameters if each["in"] == "query"} | {"key"}
        assert {name for name, _ in parse_qsl(str(url.query))} <= may_have
        if answer.request.body and answer.ok:
            _check(document, operation["requestBody"]["content"]["application/json"], answer.request.body)
        content = _found(document, operation["responses"][str(answer.status_code)])["content"]
        kind = answer.headers["Content-Type"]
        assert kind in content, kind
        if kind.endswith("json"):
            _check(document, content[kind], answer.content)


def _found(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    for part in value.get("$ref", "").removeprefix("#/").split("/"):
        if part:
            document = document[part]
    return document if "$ref" in value else value


def _check(document: dict[str, Any], content: dict[str, Any], body: bytes | str) -> None:
    schema = {**content["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(body))
