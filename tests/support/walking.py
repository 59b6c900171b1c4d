"""Asks running services what nobody would: schemathesis makes requests by what their documents say, some that keep
them and some that do not, and holds every answer against them."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

#: What is held against each answer: its status, content type, headers and body are those of the document.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@dataclass
class Walk:
    """Goes through the documents as several people, and counts what was answered.

    `orders` gives the number and the key of an order that there is, `users` the ids of accounts whose role may be
    changed. Requests are about these more often than about what was made up.
    """

    #: By who it is, their headers, whatever was done to them before.
    people: dict[str, Callable[[], dict[str, str]]]
    orders: Callable[[], tuple[str, str]]
    users: list[int]
    statuses: Counter[int] = field(default_factory=Counter)
    by_operation: Counter[str] = field(default_factory=Counter)

    def through(self, url: str, document: dict[str, Any], examples: int) -> None:
        """Each operation of the document, as each of the people, with so many requests of each of two kinds; what
        is the same for everybody as the first of them. Fails at the first answer that is not in it."""
        schema = schemathesis.openapi.from_dict(document)
        with requests.Session() as session:
            for operation in _operations(schema):
                is_open = operation.definition.raw["security"] == [{}]
                for who in list(self.people.values())[: 1 if is_open else None]:
                    headers = who()
                    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                        self._ask(operation, mode, url, session, headers, examples)

    def _ask(
        self,
        operation: Any,
        mode: GenerationMode,
        url: str,
        session: requests.Session,
        headers: dict[str, str],
        examples: int,
    ) -> None:
        chance = random.Random(f"{operation.label} {mode}")

        @settings(
            max_examples=examples,
            phases=[Phase.generate],
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        @given(operation.as_strategy(mode))
        def ask(case: Case) -> None:
            if mode is GenerationMode.POSITIVE:
                self._meet(case, chance)
            answer = case.call(url, session=session, headers=headers, timeout=15)
            self.statuses[answer.status_code] += 1
            self.by_operation[operation.label] += 1
            case.validate_response(answer, checks=CHECKS)

        try:
            ask()
        except Unsatisfiable:  # nothing that it takes can be wrong
            assert mode is GenerationMode.NEGATIVE

    def _meet(self, case: Case, chance: random.Random) -> None:
        """Let it be about something that there is, mostly."""
        if case.path_parameters and "order_number" in case.path_parameters and chance.random() < 0.8:
            number, key = self.orders()
            case.path_parameters["order_number"] = number
            if chance.random() < 0.5:
                case.query = {**(case.query or {}), "key": key}
        if case.path_parameters and "user_id" in case.path_parameters:
            case.path_parameters["user_id"] = chance.choice(self.users)


def _operations(schema: Any) -> Iterator[Any]:
    """All but the streams, which have no end that a request could wait for."""
    for result in schema.get_all_operations():
        operation = result.ok()
        if "x-events" not in operation.definition.raw:
            yield operation
