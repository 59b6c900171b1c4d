"""When a delivery that failed comes again."""

import pytest

from common.settings import load_config
from notifier_service.deliveries.retries import pause_after
from notifier_service.settings import NotifierSettings
from tests.support.expedite import CONFIG

PAUSES = (5.0, 60.0, 600.0)


@pytest.mark.parametrize(
    ("attempt", "asked", "chance", "pause"),
    [
        (1, 0, 0.5, 5),
        (2, 0, 0.5, 60),
        (3, 0, 0.5, 600),
        (4, 0, 0.5, None),
        (400, 0, 0.5, None),
        (2, 0, 0, 54),
        (2, 0, 1, 66),
        # Who asks for a pause gets it, and no shorter one.
        (2, 3600, 0.5, 3600),
        (2, 7, 0.5, 60),
        (4, 3600, 0.5, None),
    ],
)
def test_pauses_grow_and_have_an_end(attempt: int, asked: float, chance: float, pause: float | None) -> None:
    found = pause_after(attempt, PAUSES, asked, chance)
    assert found == (None if pause is None else pytest.approx(pause))


def test_it_is_tried_for_about_a_day() -> None:
    pauses = NotifierSettings.of(load_config(CONFIG), "notifier_service").delivery_pauses
    assert list(pauses) == sorted(pauses)
    assert 20 < sum(pauses) / 3600 < 28
