"""What tracking_service can be set to."""

from dataclasses import dataclass, field
from typing import Any

from common.pages.settings import PageSettings
from common.settings import ConfigReader, SettingsError, database_address

_MIN_LAG = 1  # seconds; it is measured twice a second


@dataclass(frozen=True)
class TrackingSettings(PageSettings):
    """What config.yml says, for tracking_service."""

    standby_url: str = field(repr=False)  # "" without one
    standby_max_lag: float

    @classmethod
    def read(cls, config: ConfigReader, service_name: str) -> dict[str, Any]:
        url = database_address(config.text("STANDBY_URL").strip(), "STANDBY_URL")
        if "," in url:
            raise SettingsError("STANDBY_URL names one host")
        return {
            **super().read(config, service_name),
            "standby_url": url,
            "standby_max_lag": config.number("STANDBY_MAX_LAG", _MIN_LAG, 3600),
        }
