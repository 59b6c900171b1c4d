"""How often: by address, by account, and shared by processes through Redis."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from devstack.processes import free_port
from tests.support.expedite import Expedite, an_order
from tests.support.people import NO_LIMITS, Someone, post, register, request, sign_in
from tests.support.redis import Redis


def refused(answer: requests.Response) -> int:
    """The seconds after which it works again."""
    assert answer.status_code == 429, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "too_many_requests"
    return int(answer.headers["Retry-After"])


def test_registering_is_limited_by_address(expedite: Expedite) -> None:
    expedite.start("order_service", **{**NO_LIMITS, "REGISTER_PER_ADDRESS": "2 per day"})
    register(expedite)
    register(expedite)
    answer = post(expedite, "/register", {"email": "x@example.com", "username": "x", "password": "longenough"})
    assert 60 < refused(answer) <= 2 * 86_400
    assert expedite.query("select count(*) from users") == [(2,)]


def test_signing_in_is_limited_by_account_and_others_are_not_held_up(expedite: Expedite) -> None:
    expedite.start("order_service", **{**NO_LIMITS, "SIGN_IN_PER_ACCOUNT": "3 per day"})
    ada, bob = register(expedite), register(expedite, "bob")
    answers = [sign_in(expedite, email, "wrong password").status_code for email in [ada.email.upper()] * 3]
    assert answers == [401] * 3
    assert 60 < refused(sign_in(expedite, ada.email)) <= 2 * 86_400
    assert sign_in(expedite, bob.email).status_code == 200


def test_signing_in_is_limited_by_address_whoever_they_say_they_are(expedite: Expedite) -> None:
    expedite.start("order_service", **{**NO_LIMITS, "SIGN_IN_PER_ADDRESS": "20 per day"})
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: sign_in(expedite, f"{n}@example.com", "wrong password").status_code, range(200))
        )
    assert answers.count(401) == 20
    assert answers.count(429) == 180
    assert post(expedite, "/orders", an_order()).status_code == 201


def test_changing_a_password_is_limited_too(expedite: Expedite) -> None:
    expedite.start("order_service", **{**NO_LIMITS, "SIGN_IN_PER_ACCOUNT": "2 per day"})
    ada = register(expedite)
    body = {"current_password": "wrong password", "new_password": "a better battery"}
    answers = [request(expedite, "PUT", "/users/me/password", body, ada).status_code for _ in range(3)]
    assert answers == [403, 403, 429]


def test_ordering_is_limited_by_account_wherever_it_comes_from_and_by_address_whoever_it_is(
    expedite: Expedite,
) -> None:
    limits = {"ORDERS_PER_ACCOUNT": "2 per day", "ORDERS_PER_ADDRESS": "4 per day", "TRUSTED_PROXIES": 1}
    expedite.start("order_service", **NO_LIMITS, **limits)
    ada = register(expedite)

    def order(address: str, who: Someone | None = None) -> requests.Response:
        headers = {"X-Forwarded-For": f"6.6.6.6, {address}", **(who.headers if who else {})}
        return requests.post(
            f"{expedite.url('order_service')}/orders", json=an_order(), headers=headers, timeout=10
        )

    assert [order(f"10.0.0.{n}", ada).status_code for n in (1, 2)] == [201, 201]
    refused(order("10.0.0.3", ada))
    assert [order("10.0.0.9").status_code for _ in range(4)] == [201] * 4
    assert refused(order("10.0.0.9"))
    assert order("10.0.0.8").status_code == 201
    one_house = ["2001:db8:1::1", "2001:DB8:1:0::2", "[2001:db8:1::3]:4711", "2001:db8:1::4"]
    assert [order(address).status_code for address in one_house] == [201] * 4
    refused(order("2001:db8:1::5"))
    assert order("2001:db8:2::1").status_code == 201
    assert [order(f"10.0.0.7:{port}").status_code for port in range(4)] == [201] * 4
    refused(order("::ffff:10.0.0.7"))
    with expedite.rpc() as rpc:  # the house is not limited
        for _ in range(5):
            rpc.order_service.place_order(an_order())


def test_what_the_address_is_cannot_be_made_up(expedite: Expedite) -> None:
    expedite.start("order_service", **NO_LIMITS, ORDERS_PER_ADDRESS="2 per day")
    url = f"{expedite.url('order_service')}/orders"
    answers = [
        requests.post(url, json=an_order(), headers={"X-Forwarded-For": f"10.0.0.{n}"}, timeout=10).status_code
        for n in range(3)
    ]
    assert answers == [201, 201, 429]


def test_the_development_stack_limits_signing_in_and_not_ordering(expedite: Expedite) -> None:
    expedite.start("order_service")
    assert {post(expedite, "/orders", an_order()).status_code for _ in range(40)} == {201}
    answers = [sign_in(expedite, "ada@example.com", "wrong password").status_code for _ in range(7)]
    # One more where a minute has just turned: of the one before so much counts as is left of sixty seconds.
    assert answers in ([401] * 5 + [429] * 2, [401] * 6 + [429])


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(Path(tmp_path_factory.mktemp("redis")), free_port())
    server.start()
    yield server
    server.stop()


def test_processes_count_together_in_redis_and_by_themselves_without_it(expedite: Expedite, redis: Redis) -> None:
    limits = {**NO_LIMITS, "ORDERS_PER_ADDRESS": "4 per day", "RATE_LIMIT_STORAGE": redis.url}
    processes = [expedite.start("order_service", **limits) for _ in range(2)]

    def order(n: int) -> int:
        return requests.post(f"{processes[n % 2].url}/orders", json=an_order(), timeout=10).status_code

    assert [order(n) for n in range(6)] == [201] * 4 + [429] * 2
    redis.stop()
    assert [order(n) for n in range(10)] == [201] * 8 + [429] * 2
    redis.start()


def test_who_names_many_e_mail_addresses_is_served_and_has_no_more_strangers_asked(expedite: Expedite) -> None:
    expedite.start("order_service", **NO_LIMITS)
    anna = register(expedite, "anna", "employee")
    expedite.query("insert into mail_addresses (address, confirmed_at) values ('friend@example.com', now())")
    mail = {"SMTP_HOST": "127.0.0.1", "MAIL_FROM": "orders@eat.example", "SMTP_SECURITY": "none"}
    desk = expedite.start("order_service", QUESTIONS_PER_ADDRESS="2 per day", **NO_LIMITS, **mail)

    def order(name: str, headers: dict[str, str] | None = None) -> int:
        body = an_order(notification_email=f"{name}@example.com")
        return requests.post(f"{desk.url}/orders", json=body, headers=headers, timeout=15).status_code

    assert [order(name) for name in ("one", "two", "three", "Friend")] == [201] * 4
    assert order("guest", anna.headers) == 201
    # Past the limit nobody is asked, whoever has said yes: what an order shows of its address does not tell.
    assert expedite.query("select notification_email, may_ask from orders order by id") == [
        ("one@example.com", True),
        ("two@example.com", True),
        ("three@example.com", False),
        ("friend@example.com", False),
        ("guest@example.com", True),
    ]
    assert "@example.com" not in str(desk.logged())
