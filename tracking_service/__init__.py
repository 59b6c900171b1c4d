"""Where orders stand, for everybody. Run it with `nameko run --config config.yml tracking_service`."""

from tracking_service.service import TrackingService

__all__ = ["TrackingService"]
