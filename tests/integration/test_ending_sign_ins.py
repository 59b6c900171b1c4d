"""Signing out, here and everywhere, and accounts that are disabled."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest
import requests

from common.accounts import tokens
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, SECRET_KEY, Expedite
from tests.support.locks import waiting_for_locks
from tests.support.people import NO_LIMITS, PASSWORD, Someone, get, post, register, request, session_of, sign_in

KEYS = (SECRET_KEY.encode(),)


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", **NO_LIMITS)
    return running


@pytest.fixture
def anna(house: Expedite) -> Iterator[Someone]:
    """The only admin."""
    house.query("update users set role = 'customer' where role = 'admin'")
    yield register(house, "anna", "admin")
    house.query("update users set role = 'customer' where role = 'admin'")


def again(house: Expedite, who: Someone) -> Someone:
    """The same person, signed in once more."""
    return Someone(who.id, who.email, who.username, sign_in(house, who.email).json()["token"])


def browse(house: Expedite, session: str, path: str = "/account") -> requests.Response:
    headers = {"Accept": "text/html", "Cookie": f"expedite={session}"}
    return requests.get(f"{house.url('order_service')}{path}", headers=headers, allow_redirects=False, timeout=15)


def send(house: Expedite, session: str, path: str) -> requests.Response:
    url = house.url("order_service")
    headers = {"Accept": "text/html", "Origin": url, "Cookie": f"expedite={session}"}
    return requests.post(f"{url}{path}", data={"x": "y"}, headers=headers, allow_redirects=False, timeout=15)


def test_a_copy_of_a_session_is_void_when_it_was_signed_out(house: Expedite) -> None:
    ada = register(house)
    age = timedelta(minutes=11)
    copy = session_of(ada, iat=-age, exp=timedelta(hours=11))
    session = tokens.renewed(copy, KEYS)  # what the browser goes on with
    assert session is not None
    assert [browse(house, each).status_code for each in (copy, session)] == [200, 200]
    assert send(house, session, "/sign-out").headers["Location"] == "/"
    assert [browse(house, each).status_code for each in (copy, session)] == [303, 303]
    stolen = tokens.renewed(copy, KEYS)
    assert stolen is not None
    assert browse(house, stolen).status_code == 303


def test_signing_out_ends_that_sign_in_and_no_other(house: Expedite) -> None:
    phone = register(house)
    till = again(house, phone)
    assert post(house, "/logout", who=phone).json() == {"signed_out": True}
    assert [get(house, "/orders", each).status_code for each in (phone, till)] == [401, 200]
    assert post(house, "/logout", who=phone).status_code == 200, "the same again changes nothing"
    assert post(house, "/logout").status_code == 401


def test_signing_out_everywhere_ends_all_of_ones_own(house: Expedite) -> None:
    phone, otto = register(house), register(house, "otto")
    till, session = again(house, phone), session_of(phone)
    assert send(house, session, "/account/sign-out-everywhere").headers["Location"] == "/"
    assert [get(house, "/orders", each).status_code for each in (phone, till, otto)] == [401, 401, 200]
    assert browse(house, session).status_code == 303
    assert get(house, "/orders", again(house, phone)).status_code == 200


def test_sign_ins_that_were_ended_are_forgotten_when_no_token_can_be_left(house: Expedite) -> None:
    house.query(
        "insert into ended_sign_ins values"
        " ('long ago', now() - interval '9 days'), ('late', now() - interval '7 days')"
    )
    post(house, "/logout", who=register(house))
    assert house.query("select sign_in from ended_sign_ins where sign_in in ('long ago', 'late')") == [("late",)]


def disable(house: Expedite, who: Someone, by: Someone, disabled: bool = True) -> requests.Response:
    return request(house, "PUT", f"/users/{who.id}/disabled", {"disabled": disabled}, by)


def test_a_disabled_account_is_signed_out_and_cannot_sign_in(house: Expedite, anna: Someone) -> None:
    ada = register(house)
    assert disable(house, ada, anna).json()["disabled_at"] is not None
    assert get(house, "/orders", ada).status_code == 401
    refused = sign_in(house, ada.email)
    assert (refused.status_code, refused.json()["detail"]) == (403, "This account is disabled. Ask the house.")
    assert sign_in(house, ada.email, "another password").status_code == 401, "who does not know it learns nothing"
    [shown] = get(house, "/users", anna, search=ada.email).json()["items"]
    assert shown["disabled_at"] is not None
    with house.rpc() as rpc, pytest.raises(Exception, match="This account is disabled"):
        rpc.order_service.list_orders({}, {"user": ada.email})


def test_who_is_disabled_is_signed_out_whatever_version_their_token_has(house: Expedite) -> None:
    ada = register(house)
    house.query("update users set disabled_at = now() where id = %s", ada.id)
    assert get(house, "/orders", ada).status_code == 401
    assert browse(house, ada.token).status_code == 303


def test_a_password_that_is_being_changed_while_the_account_is_disabled_signs_nobody_in(house: Expedite) -> None:
    ada = register(house)
    body = {"current_password": PASSWORD, "new_password": "a better battery"}
    disabling = psycopg2.connect(house.database_url)
    try:
        disabling.cursor().execute(
            "update users set disabled_at = now(), token_version = token_version + 1 where id = %s", (ada.id,)
        )
        with ThreadPoolExecutor(1) as thread:
            changing = thread.submit(request, house, "PUT", "/users/me/password", body, ada)
            eventually(lambda: waiting_for_locks(house) == 1)  # it has seen her enabled
            disabling.commit()
            answer = changing.result()
    finally:
        disabling.close()
    assert (answer.status_code, "token" in answer.json()) == (401, False)
    assert sign_in(house, ada.email).status_code == 403, "the old password, and disabled"


def test_an_account_that_is_enabled_again_has_no_old_tokens(house: Expedite, anna: Someone) -> None:
    ada = register(house)
    disable(house, ada, anna)
    assert disable(house, ada, anna, disabled=False).json()["disabled_at"] is None
    assert get(house, "/orders", ada).status_code == 401
    assert get(house, "/orders", again(house, ada)).status_code == 200


def test_an_admin_who_can_manage_people_is_always_left(house: Expedite, anna: Someone) -> None:
    assert disable(house, anna, anna).json()["code"] == "last_admin"
    boss = register(house, "boss", "admin")
    assert disable(house, boss, anna).status_code == 200
    # She is the last again: who is disabled does not count.
    assert disable(house, anna, anna).status_code == 409
    assert request(house, "PUT", f"/users/{anna.id}/role", {"role": "customer"}, anna).status_code == 409
    assert disable(house, boss, anna, disabled=False).status_code == 200
    assert disable(house, anna, anna).status_code == 200


@pytest.mark.parametrize("body", [None, {}, {"disabled": "yes"}, {"disabled": 1}, {"disabled": True, "x": 1}])
def test_disabling_is_said_as_it_is_meant(house: Expedite, anna: Someone, body: object) -> None:
    ada = register(house)
    assert request(house, "PUT", f"/users/{ada.id}/disabled", body, anna).status_code == 422
    assert get(house, "/orders", ada).status_code == 200


def command(
    house: Expedite, *arguments: str, module: str = "disable", typed: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable), "-m", f"order_service.accounts.{module}", *arguments],
        input=typed,
        cwd=ROOT,
        env=house.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_operator_disables_and_enables_from_the_command_line(house: Expedite, anna: Someone) -> None:
    ada = register(house)
    done = command(house, ada.email.upper())
    assert (done.returncode, done.stdout) == (0, f"{ada.email.upper()} is disabled.\n")
    assert get(house, "/orders", ada).status_code == 401
    assert command(house, ada.email, "--undo").returncode == 0
    assert get(house, "/orders", again(house, ada)).status_code == 200
    assert "no account" in command(house, "nobody@example.com").stderr
    last = command(house, anna.email)
    assert (last.returncode, "somebody else an admin" in last.stderr) == (1, True)


def test_an_operator_sets_a_password_for_who_forgot_theirs(house: Expedite) -> None:
    ada = register(house)
    short = command(house, ada.email, module="password", typed="short\n")
    assert (short.returncode, "8 to 200 characters" in short.stderr) == (1, True)
    done = command(house, ada.email, module="password", typed="another battery\n")
    assert (done.returncode, "another battery" in done.stdout + done.stderr) == (0, False)
    assert get(house, "/orders", ada).status_code == 401
    assert sign_in(house, ada.email, "another battery").status_code == 200
    unknown = command(house, "nobody@example.com", module="password", typed="another battery\n")
    assert "no account" in unknown.stderr
