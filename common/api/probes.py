"""The routes that every service has (common/nameko_runtime/health.py)."""

from common.api.description import Route, Shape, section
from common.api.shapes import object_of, one_of

_LIVE = Shape("Live", object_of(status={"const": "live"}), ({"status": "live"},))
_CHECKS = {"type": "object", "additionalProperties": one_of(("ok", "down")), "minProperties": 0}
_READY = Shape(
    "Ready",
    object_of(status={"const": "ready"}, checks=_CHECKS),
    ({"status": "ready", "checks": {"database": "ok", "rabbitmq": "ok"}},),
)

PROBES = section(
    "Probes",
    {
        "health_live": Route(_LIVE, is_inside=True),
        "health_ready": Route(_READY, is_inside=True),
        "health": Route(_READY, is_inside=True),
        "read_metrics": Route("The figures of this process, in Prometheus' text format.", is_inside=True),
    },
)
