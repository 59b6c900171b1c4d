"""SECRET_KEY is changed while the house is open, as docs/operations.md says: no link and no session ends by it."""

from http.cookies import SimpleCookie
from typing import Any

import pytest
import requests

from tests.support import people
from tests.support.expedite import SECRET_KEY, Expedite, Process, an_order
from tests.support.people import NO_LIMITS, PASSWORD

OLD, NEW = SECRET_KEY, "the-next-one-" + "y" * 32
STATUS_ONLY = {"order_number", "status", "updated_at", "estimated_completion"}


def sign_in(at: Process, email: str) -> str:
    """A browser's session."""
    headers = {"Accept": "text/html", "Origin": at.url}
    fields = {"email": email, "password": PASSWORD}
    answer = requests.post(f"{at.url}/sign-in", data=fields, headers=headers, allow_redirects=False, timeout=15)
    return SimpleCookie(answer.headers["Set-Cookie"])["expedite"].value


def look(at: Process, session: str) -> tuple[int, str]:
    """The status of a page for who is signed in, and the session that the browser has afterwards."""
    headers = {"Accept": "text/html", "Cookie": f"expedite={session}"}
    answer = requests.get(f"{at.url}/account", headers=headers, allow_redirects=False, timeout=15)
    kept = SimpleCookie(answer.headers.get("Set-Cookie", ""))
    return answer.status_code, kept["expedite"].value if "expedite" in kept else session


def is_open(at: Process, placed: dict[str, Any]) -> bool:
    """Whether the order's link shows all of it."""
    key = placed["tracking_url"].partition("?")[2]
    answer = requests.get(f"{at.url}/orders/{placed['order_number']}?{key}", timeout=15)
    assert answer.status_code == 200
    return set(answer.json()) != STATUS_ONLY


@pytest.mark.matrix
def test_the_key_changes_step_by_step_and_nobody_is_signed_out(expedite: Expedite) -> None:
    def start(key: str, other: str) -> Process:
        return expedite.start("order_service", SECRET_KEY=key, SECRET_KEY_BEFORE=other, **NO_LIMITS)

    doors = [start(OLD, ""), start(OLD, "")]
    ada = people.register(expedite)
    links = [expedite.place(doors[0])]
    sessions = [sign_in(doors[0], ada.email), sign_in(doors[1], ada.email)]
    # First all learn to read the new one; then they sign with it.
    for key, other in ((OLD, NEW), (NEW, OLD)):
        for index in range(2):
            doors[index].stop()
            doors[index] = start(key, other)
            # What either has made is good at both, and so is all from before.
            for door in doors:
                links.append(expedite.place(door))
                sessions.append(sign_in(door, ada.email))
            for door in doors:
                assert [is_open(door, each) for each in links] == [True] * len(links)
                assert [look(door, each)[0] for each in sessions] == [200] * len(sessions)
    status, renewed = look(doors[0], sessions[0])
    assert (status, renewed == sessions[0]) == (200, False), "it goes on with the new key"
    # The old one is taken away: what it has signed ends.
    last = start(NEW, "")
    assert look(last, renewed)[0] == 200
    assert look(last, sessions[0])[0] == 303
    assert is_open(last, links[-1])
    assert not is_open(last, links[0])
    again = requests.post(
        f"{last.url}/orders", json=an_order(), headers={"Authorization": f"Bearer {ada.token}"}, timeout=15
    )
    assert again.status_code == 401


@pytest.mark.matrix
def test_an_answer_that_was_kept_leads_to_its_order_with_the_key_of_now(expedite: Expedite) -> None:
    def place(at: Process) -> dict[str, Any]:
        headers = {"Idempotency-Key": "one and the same"}
        answer = requests.post(f"{at.url}/orders", json=an_order(), headers=headers, timeout=15)
        assert answer.status_code == 201
        placed: dict[str, Any] = answer.json()
        return placed

    before = place(expedite.start("order_service"))
    after = expedite.start("order_service", SECRET_KEY=NEW)
    again = place(after)
    assert again["order_number"] == before["order_number"]
    assert (is_open(after, again), is_open(after, before)) == (True, False)
