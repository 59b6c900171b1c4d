"""The kitchen; one process is one worker, or with STATIONS many. Run it with `WORKER_NAME=chef_luigi nameko run
--config config.yml kitchen_service`."""

from kitchen_service.service import KitchenService

__all__ = ["KitchenService"]
