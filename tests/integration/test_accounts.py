"""Registering, signing in, passwords, and who has which role."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from common.accounts import tokens
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, SECRET_KEY, Expedite
from tests.support.people import NO_LIMITS, PASSWORD, Someone, get, post, register, request, sign_in


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", **NO_LIMITS)
    return running


def registration(**changes: Any) -> dict[str, Any]:
    name = f"zoe-{time.monotonic_ns()}"
    body = {"email": f"{name}@example.com", "username": name, "password": PASSWORD, **changes}
    return {field: value for field, value in body.items() if value is not ...}


def test_who_registers_is_a_customer_and_signed_in(house: Expedite) -> None:
    answer = post(house, "/register", registration(email="Zoe.Smith@Example.COM", username="Zoë S. 7"))
    assert answer.status_code == 201
    user, token = answer.json()["user"], answer.json()["token"]
    assert set(answer.json()) == {"user", "token"}
    assert user == {
        "id": user["id"],
        "email": "zoe.smith@example.com",
        "username": "Zoë S. 7",
        "role": "customer",
    }
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["role"], claims["exp"] - claims["iat"]) == (str(user["id"]), "customer", 3600)
    assert claims["jti"]
    assert jwt.get_unverified_header(token)["alg"] == "HS256"
    again = sign_in(house, "ZOE.smith@example.com")
    assert again.json()["user"] == user
    [(stored,)] = house.query("select password_hash from users where id = %s", user["id"])
    assert stored.startswith("$argon2id$")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"role": "admin"}, ["role"]),
        ({"email": ...}, ["email"]),
        ({"email": None}, ["email"]),
        ({"email": "ada"}, ["email"]),
        ({"email": "ada@"}, ["email"]),
        ({"email": "ada@example.com\nBcc: all@example.com"}, ["email"]),
        ({"email": "ada@example.com\r\n"}, []),  # blanks around it are not part of it
        ({"email": "a\u0000da@example.com"}, ["email"]),
        ({"email": '"ada lovelace"@example.com'}, ["email"]),
        ({"email": "x" * 250 + "@example.com"}, ["email"]),
        ({"email": 7}, ["email"]),
        ({"username": ""}, ["username"]),
        ({"username": "x" * 51}, ["username"]),
        ({"username": "<script>"}, ["username"]),
        ({"username": "ada\u202elovelace"}, ["username"]),
        ({"username": "..."}, ["username"]),
        ({"username": "\u3164"}, ["username"]),
        ({"username": "STAFF"}, ["username"]),
        ({"password": "e\u0301" * 4}, ["password"]),
        ({"password": "abc"}, ["password"]),
        ({"password": "x" * 5000}, ["password"]),
        ({"password": 12345678}, ["password"]),
        ({"password": ...}, ["password"]),
        ({"email": "ada", "username": "<", "password": "abc", "id": 1}, ["email", "id", "password", "username"]),
    ],
)
def test_a_registration_is_refused_with_all_that_is_wrong(
    house: Expedite, changes: dict[str, Any], fields: list[str]
) -> None:
    before = house.query("select count(*) from users")
    answer = post(house, "/register", registration(**changes))
    if not fields:
        assert answer.status_code == 201
        return
    assert answer.status_code == 422
    assert sorted(error["field"] for error in answer.json()["errors"]) == fields
    assert house.query("select count(*) from users") == before
    assert "x" * 100 not in answer.text


@pytest.mark.parametrize("body", [None, [], "x", 7])
@pytest.mark.parametrize("path", ["/register", "/login"])
def test_what_is_no_object_is_refused(house: Expedite, path: str, body: Any) -> None:
    assert post(house, path, body).status_code == 422


def test_an_email_and_a_name_are_taken_however_they_are_written(house: Expedite) -> None:
    ada = register(house)
    for changes, field in (
        ({"email": ada.email.upper()}, "email"),
        ({"username": ada.username.upper()}, "username"),
        ({"username": ada.username + "\ufe0f"}, "username"),
        ({"username": ada.username.replace("a", "\uff41")}, "username"),  # a wide a
    ):
        answer = post(house, "/register", registration(**changes))
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (409, "taken", field)


def test_of_many_who_register_one_name_at_once_one_gets_it(house: Expedite) -> None:
    body = registration()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(house, "/register", body).status_code, range(8)))
    assert sorted(answers) == [201] + [409] * 7


def test_an_unknown_email_and_a_wrong_password_look_the_same(house: Expedite) -> None:
    ada = register(house)
    wrong = sign_in(house, ada.email, "another password")
    unknown = sign_in(house, "nobody@example.com", "another password")
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    without_id = [{**answer.json(), "request_id": ""} for answer in (wrong, unknown)]
    assert without_id[0] == without_id[1]
    assert set(wrong.headers) == set(unknown.headers)


def test_an_unknown_email_costs_a_hash_too(house: Expedite) -> None:
    # No timing is asserted; this says that the work is done: the process's own CPU time goes up alike.
    ada = register(house)
    [process] = house.processes

    def cpu_of(email: str) -> float:
        def ticks() -> int:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])

        before = ticks()
        for _ in range(10):
            assert sign_in(house, email, "another password").status_code == 401
        return ticks() - before

    known, unknown = cpu_of(ada.email), cpu_of("nobody@example.com")
    assert unknown > known / 3


def forged_tokens(token: str) -> dict[str, str]:
    claims = jwt.decode(token, options={"verify_signature": False})
    head, body, signature = token.split(".")
    key = tokens._key(SECRET_KEY.encode())

    def part(data: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    def signed(text: str) -> str:
        digest = hmac.new(key, text.encode(), hashlib.sha256).digest()
        return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    # But for the sign-in's name, which tokens have not always had.
    without = {name: {k: v for k, v in claims.items() if k != name} for name in set(claims) - {"sid"}}
    return {
        "none": f"{part({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        "None": f"{part({'alg': 'None'})}.{body}.{signature}",
        "no signature": f"{head}.{body}.",
        "no third part": f"{head}.{body}",
        "HS512": jwt.encode(claims, key, "HS512"),
        "the servers key itself": jwt.encode(claims, SECRET_KEY, "HS256"),
        "an admin": f"{head}.{part({**claims, 'role': 'admin'})}.{signature}",
        "signed as an admin": jwt.encode({**claims, "role": "admin"}, key, "HS256"),
        "of nobody": jwt.encode({**claims, "sub": "999999"}, key, "HS256"),
        "of something else": jwt.encode({**claims, "sub": "1 or 1=1"}, key, "HS256"),
        "of another version": jwt.encode({**claims, "ver": 7}, key, "HS256"),
        "of a strange version": jwt.encode({**claims, "ver": {}}, key, "HS256"),
        "from next year": jwt.encode({**claims, "iat": claims["iat"] + 365 * 86400}, key, "HS256"),
        "from a strange time": jwt.encode({**claims, "iat": 1e300}, key, "HS256"),
        **{f"no {name}": jwt.encode(rest, key, "HS256") for name, rest in without.items()},
        "no claims": signed(f"{head}.{part([])}"),  # type: ignore[arg-type]
        "empty": "",
        "not a token": "x",
        "dots": "...",
        "long": "x" * 5000,
    }


def test_a_token_that_is_not_ours_opens_nothing(house: Expedite) -> None:
    ada = register(house, "ada", "employee")
    assert get(house, "/orders", ada).status_code == 200
    for what, token in forged_tokens(ada.token).items():
        answer = get(house, "/orders", Someone(ada.id, ada.email, ada.username, token))
        assert answer.status_code == 401, what
        assert answer.json()["code"] == "unauthorized"


@pytest.mark.parametrize(
    "header", ["Basic YWRhOnB3", "Bearer", "bearer ", "Token {}", "{}", "Bearer {}, Bearer {}"]
)
def test_another_way_of_signing_in_is_refused(house: Expedite, header: str) -> None:
    ada = register(house)
    headers = {"Authorization": header.replace("{}", ada.token)}
    answer = requests.get(f"{house.url('order_service')}/orders", headers=headers, timeout=5)
    assert answer.status_code == 401


def test_a_changed_password_voids_the_tokens_and_the_old_password(house: Expedite) -> None:
    ada = register(house)
    body = {"current_password": PASSWORD, "new_password": "a better battery"}
    changed = request(house, "PUT", "/users/me/password", body, ada)
    assert changed.status_code == 200
    assert get(house, "/orders", ada).status_code == 401
    assert sign_in(house, ada.email).status_code == 401
    assert sign_in(house, ada.email, "a better battery").status_code == 200
    fresh = Someone(ada.id, ada.email, ada.username, changed.json()["token"])
    assert get(house, "/orders", fresh).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"current_password": "another one", "new_password": "a better battery"}, 403),
        ({"current_password": PASSWORD, "new_password": "abc"}, 422),
        ({"current_password": PASSWORD, "new_password": "x" * 5000}, 422),
        ({"current_password": PASSWORD}, 422),
        ({"new_password": "a better battery"}, 422),
    ],
)
def test_a_password_is_not_changed_so(house: Expedite, body: dict[str, Any], status: int) -> None:
    ada = register(house)
    assert request(house, "PUT", "/users/me/password", body, ada).status_code == status
    assert get(house, "/orders", ada).status_code == 200
    assert sign_in(house, ada.email).status_code == 200


def test_a_changed_role_voids_the_tokens_and_the_same_role_does_not(house: Expedite) -> None:
    ada, anna = register(house), register(house, "anna", "admin")
    path = f"/users/{ada.id}/role"
    assert request(house, "PUT", path, {"role": "customer"}, anna).json()["role"] == "customer"
    assert get(house, "/orders", ada).status_code == 200
    assert request(house, "PUT", path, {"role": "employee"}, anna).json()["role"] == "employee"
    assert get(house, "/orders", ada).status_code == 401
    assert sign_in(house, ada.email).json()["user"]["role"] == "employee"


@pytest.mark.parametrize(
    ("user", "body", "status"),
    [
        ("999999", {"role": "employee"}, 404),
        ("x", {"role": "employee"}, 404),
        ("1e9", {"role": "employee"}, 404),
        ("99999999999999999999", {"role": "employee"}, 404),
        ("{ada}", {"role": "owner"}, 422),
        ("{ada}", {"role": []}, 422),
        ("{ada}", {}, 422),
        ("{ada}", {"role": "employee", "token_version": 0}, 422),
    ],
)
def test_a_role_is_not_given_so(house: Expedite, user: str, body: dict[str, Any], status: int) -> None:
    ada, anna = register(house), register(house, "anna", "admin")
    path = f"/users/{user.replace('{ada}', str(ada.id))}/role"
    assert request(house, "PUT", path, body, anna).status_code == status
    assert get(house, "/orders", ada).status_code == 200


def test_the_last_admin_stays_one_also_when_two_demote_each_other(expedite: Expedite) -> None:
    expedite.start("order_service", **NO_LIMITS)
    anna = register(expedite, "anna", "admin")
    alone = request(expedite, "PUT", f"/users/{anna.id}/role", {"role": "customer"}, anna)
    assert (alone.status_code, alone.json()["code"]) == (409, "last_admin")
    for _ in range(5):
        expedite.query("update users set role = 'customer'")
        both = [register(expedite, "anna", "admin"), register(expedite, "bea", "admin")]
        with ThreadPoolExecutor(2) as pool:
            answers = pool.map(
                lambda pair: (
                    request(
                        expedite, "PUT", f"/users/{pair[1].id}/role", {"role": "customer"}, pair[0]
                    ).status_code
                ),
                [(both[0], both[1]), (both[1], both[0])],
            )
        # The second finds itself demoted already (401), or is the last one (409).
        assert sorted(answers)[0] == 200
        assert expedite.query("select count(*) from users where role = 'admin'") == [(1,)]


def test_admins_see_everybody_by_the_page_and_no_hash(house: Expedite) -> None:
    anna = register(house, "anna", "admin")
    for _ in range(4):
        register(house)
    everybody = [row[0] for row in house.query("select id from users order by id")]
    seen, cursor = [], None
    while True:
        page = get(house, "/users", anna, limit=3, **({"cursor": cursor} if cursor else {}))
        assert page.status_code == 200
        assert "argon2" not in page.text
        assert {frozenset(user) for user in page.json()["items"]} == {
            frozenset({"id", "email", "username", "role", "created_at", "disabled_at"})
        }
        seen += [user["id"] for user in page.json()["items"]]
        if (cursor := page.json()["next"]) is None:
            break
        assert len(page.json()["items"]) == 3
    assert seen == everybody


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"cursor": "x"}, {"cursor": "e30"}]
)
def test_a_page_that_there_is_not_is_refused(house: Expedite, query: dict[str, Any]) -> None:
    anna = register(house, "anna", "admin")
    assert get(house, "/users", anna, **query).status_code == 422


def test_no_password_token_hash_or_email_is_logged_or_sent(house: Expedite) -> None:
    ada = register(house)
    sign_in(house, ada.email, "a wrong password")
    post(house, "/orders", {"recipe": "x", "notification_email": "secret@example.com"}, ada)
    [process] = house.processes
    eventually(lambda: f'"user_id":{ada.id}' in "\n".join(process.lines))
    logged = "\n".join(process.lines)
    [(stored,)] = house.query("select password_hash from users where id = %s", ada.id)
    for secret in (
        PASSWORD,
        "a wrong password",
        ada.token,
        ada.token.split(".")[2],
        stored,
        ada.email,
        "argon2id",
    ):
        assert secret not in logged
    assert "secret@example.com" not in logged


@pytest.mark.parametrize("exists", [True, False])
def test_what_is_refused_at_sign_in_can_be_traced_and_answers_the_same(expedite: Expedite, exists: bool) -> None:
    limits = {**NO_LIMITS, "SIGN_IN_PER_ACCOUNT": "2 per day", "TRUSTED_PROXIES": 1}
    process = expedite.start("order_service", **limits)
    ada = register(expedite)
    email = ada.email if exists else "nobody@example.com"

    def tries(address: str) -> requests.Response:
        body = {"email": email, "password": "another password"}
        headers = {"X-Forwarded-For": f"{email}, {address}"}
        return requests.post(f"{process.url}/login", json=body, headers=headers, timeout=15)

    answers = [tries(f"10.0.0.{number}") for number in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert "user" not in answers[2].text
    user_id = ada.id if exists else None
    eventually(lambda: process.actions("rate_limited"))
    assert [line["details"] for line in process.actions("sign_in_refused")] == [
        {"user_id": user_id, "address": "10.0.0.0"},
        {"user_id": user_id, "address": "10.0.0.1"},
    ]
    [limited] = process.actions("rate_limited")
    assert (limited["details"]["user_id"], limited["details"]["address"]) == (user_id, "10.0.0.2")
    assert "example.com" not in "".join(process.lines)


def test_a_change_of_password_that_is_refused_can_be_traced(expedite: Expedite) -> None:
    process = expedite.start("order_service", **{**NO_LIMITS, "SIGN_IN_PER_ACCOUNT": "2 per day"})
    ada = register(expedite)
    body = {"current_password": "another password", "new_password": "a better battery"}
    answers = [request(expedite, "PUT", "/users/me/password", body, ada).status_code for _ in range(3)]
    assert answers == [403, 403, 429]
    who = {"user_id": ada.id, "address": "127.0.0.1"}
    eventually(lambda: process.actions("rate_limited"))
    assert [line["details"] for line in process.actions("password_change_refused")] == [who] * 2
    [limited] = process.actions("rate_limited")
    assert limited["details"].items() >= who.items()


def make_admin(house: Expedite, *arguments: str, password: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "order_service.accounts.admin", *arguments],
        cwd=ROOT,
        env=house.environment(),
        input=f"{password}\n",
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_the_first_admin_comes_from_a_command(house: Expedite) -> None:
    email = f"boss-{time.monotonic_ns()}@example.com"
    assert make_admin(house, email).returncode == 1  # there is no default password
    assert make_admin(house, email, password="abc").returncode == 1
    assert sign_in(house, email).status_code == 401
    done = make_admin(house, email, password=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert sign_in(house, email).json()["user"]["role"] == "admin"
    assert PASSWORD not in done.stdout + done.stderr


def test_the_command_makes_an_admin_of_an_account_that_there_is(house: Expedite) -> None:
    ada = register(house)
    done = make_admin(house, ada.email.upper())
    assert done.returncode == 0, done.stderr
    assert get(house, "/orders", ada).status_code == 401
    assert sign_in(house, ada.email).json()["user"]["role"] == "admin"


def test_what_is_too_much_of_signing_in_is_refused_and_the_rest_is_answered(house: Expedite) -> None:
    ada = register(house)
    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(lambda _: sign_in(house, ada.email, "wrong password"), range(120)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {401, 503}
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 503)
    assert sign_in(house, ada.email).status_code == 200
