"""Customers who order all the time."""

import contextlib
import threading
from collections.abc import Iterator

import requests

from tests.support.expedite import an_order


@contextlib.contextmanager
def ordering(url: str, customers: int = 20, pause: float = 0) -> Iterator[list[requests.Response]]:
    """`customers` order at `url`, each with `pause` seconds between its orders, for the length of a block. Gives
    the answers as they come.

    A connection that is refused or lost is tried again.
    """
    answers: list[requests.Response] = []
    over = threading.Event()

    def order() -> None:
        with requests.Session() as session:
            while not over.is_set():
                try:
                    answers.append(session.post(f"{url}/orders", json=an_order(), timeout=30))
                    over.wait(pause)
                except requests.ConnectionError:
                    over.wait(0.05)

    threads = [threading.Thread(target=order, daemon=True) for _ in range(customers)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join(35)


def numbers(answers: list[requests.Response]) -> set[str]:
    """The numbers of the orders that were taken."""
    return {answer.json()["order_number"] for answer in answers if answer.status_code == 201}
