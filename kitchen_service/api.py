"""What kitchen_service answers over HTTP: its OpenAPI document."""

from common.api import PROBES, Api

API = Api(
    "Expedite: kitchen",
    "One process is one worker. Staff see the kitchen at `/board`, a page; for programs there are probes alone.",
    PROBES,
)
