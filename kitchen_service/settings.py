"""What a kitchen worker can be set to."""

import re
from dataclasses import dataclass
from typing import Any

from common.orders import lifecycle
from common.pages.settings import PageSettings
from common.settings import ConfigReader, SettingsError

SIMULATED = "simulated"
STAFFED = "staffed"
_MIN_SPEED = 0.001  # times the usual speed; slower, an estimate would leave the calendar
_WORKER_NAME = re.compile(r"[\w .'-]{1,50}")
_MAX_NAME = 50  # characters of a worker's name
_MAX_IN_HAND = 1000  # orders that one process cooks at once


@dataclass(frozen=True)
class KitchenSettings(PageSettings):
    """What config.yml says, for a process of workers."""

    worker_name: str
    stations: int
    order_types: tuple[str, ...]
    prefetch: int
    cooking: str
    cooking_speed: float
    heartbeat_interval: float
    retry_pauses: tuple[float, ...]

    @classmethod
    def read(cls, config: ConfigReader, service_name: str) -> dict[str, Any]:
        if not _WORKER_NAME.fullmatch(config.text("WORKER_NAME")):
            raise SettingsError("WORKER_NAME needs 1 to 50 letters, digits, spaces, dots, hyphens or apostrophes")
        stations, prefetch = config.whole("STATIONS", 1, 1000), config.whole("PREFETCH", 1, 1000)
        if stations * prefetch > _MAX_IN_HAND:
            raise SettingsError(f"STATIONS times PREFETCH, what a process has in hand, is at most {_MAX_IN_HAND}")
        if len(longest := _names(config.text("WORKER_NAME"), stations)[-1]) > _MAX_NAME:
            raise SettingsError(
                f"WORKER_NAME is too long for STATIONS: {longest!r} has {len(longest)} characters of {_MAX_NAME}"
            )
        if config["COOKING"] not in (SIMULATED, STAFFED):
            raise SettingsError(f"COOKING is {SIMULATED} or {STAFFED}")
        cooking_speed = config.number("COOKING_SPEED", 0, 1e6)
        if 0 < cooking_speed < _MIN_SPEED:
            raise SettingsError(f"COOKING_SPEED is 0, for no time at all, or at least {_MIN_SPEED}")
        return {
            **super().read(config, service_name),
            "worker_name": config.text("WORKER_NAME"),
            "order_types": _order_types(config),
            "stations": stations,
            "prefetch": prefetch,
            "cooking": config.text("COOKING"),
            "cooking_speed": cooking_speed,
            "heartbeat_interval": config.number("HEARTBEAT_INTERVAL", 0.1, 3600),
            "retry_pauses": config.retry_pauses(),
        }

    @property
    def worker_names(self) -> tuple[str, ...]:
        """The names of this process's workers: WORKER_NAME, or with more than one station each station's own."""
        return _names(self.worker_name, self.stations)


def _names(worker_name: str, stations: int) -> tuple[str, ...]:
    if stations == 1:
        return (worker_name,)
    return tuple(f"{worker_name} {number}" for number in range(1, stations + 1))


def _order_types(config: ConfigReader) -> tuple[str, ...]:
    names = (name.strip() for name in config.text("ORDER_TYPES").split(","))
    try:
        return lifecycle.known_types(name for name in names if name)
    except ValueError as exc:
        raise SettingsError(f"ORDER_TYPES: {exc}") from exc
