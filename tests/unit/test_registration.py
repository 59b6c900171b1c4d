"""A worker is not registered before it holds the lock that says that it lives."""

from types import SimpleNamespace
from typing import Any

import eventlet
import pytest
from eventlet.event import Event

from common.settings import load_config
from kitchen_service import registration
from kitchen_service.registration import Registration
from kitchen_service.settings import KitchenSettings
from tests.support.expedite import ROOT


def test_a_name_is_claimed_when_the_lock_is_held_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    granted = Event()
    executed: list[Any] = []

    class Session:
        def __init__(self, *_args: Any, **_options: Any) -> None:
            """Nobody is connected to."""

        def query(self, statement: str, _parameters: Any = ()) -> None:
            if statement == registration._LIVE:
                granted.wait()

    monkeypatch.setattr(registration, "DedicatedSession", Session)
    settings = KitchenSettings.of(load_config(ROOT / "config.yml"), "kitchen_service")
    worker = Registration()
    worker.container = SimpleNamespace(stopping=False, settings=settings)
    worker.setup()
    monkeypatch.setattr(worker, "_claim", lambda: executed.append("claim") or True)
    lives, registers = eventlet.spawn(worker._live), eventlet.spawn(worker._register)
    eventlet.sleep(0.1)
    assert executed == []

    granted.send()
    registers.wait()
    assert executed == ["claim"]
    lives.kill()
