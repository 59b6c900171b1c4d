"""Three workers of different types and speeds. One of them dies in the middle of an order, which another takes
over; and as long as he is gone, nobody takes deliveries."""

import signal
import time
from dataclasses import dataclass

from devstack import launcher
from devstack.demo.door import Door
from devstack.demo.evening import Evening
from devstack.processes import DevstackError, free_port
from devstack.running import READY_SECONDS, Running
from devstack.services import Service

_DIES_AT = 35.0  # seconds after the beginning, from when on he dies with the next order that another can take over
_IS_AWAY = 45.0  # seconds
_AGAIN_AFTER = 150.0  # seconds after he came back


@dataclass(frozen=True)
class Worker:
    """What a worker takes, how fast, and how many orders at once."""

    name: str
    order_types: str
    speed: float
    at_once: int

    def settings(self, pace: float) -> dict[str, str]:
        """As environment variables of config.yml, for an evening at that pace."""
        return {
            "WORKER_NAME": self.name,
            "ORDER_TYPES": self.order_types,
            "COOKING": "simulated",
            "COOKING_SPEED": str(self.speed * pace),
            "PREFETCH": str(self.at_once),
        }


MARIO = Worker("chef_mario", "dine_in,takeout", 1.3, 2)
LUIGI = Worker("chef_luigi", "takeout,delivery", 0.8, 2)
BAR = Worker("bar", "dine_in", 1.6, 2)
#: What only the one who dies takes, and what another takes, too.
ONLY_HIS, NOT_ONLY_HIS = "delivery", "takeout"


class Workers:
    """The kitchen. Chef_mario's process is the one that everything runs with: it serves the board, and lives."""

    def __init__(self, expedite: Running, evening: Evening, door: Door) -> None:
        self._evening = evening
        self._door = door
        self._luigi = self._start(expedite, LUIGI)
        self._start(expedite, BAR)
        self._wait_for_all(expedite)
        self.killed = self.taken_over = 0

    def begin(self) -> None:
        """The play begins."""
        self._evening.later(_DIES_AT, self._die)

    def _start(self, expedite: Running, worker: Worker) -> Service:
        environment = {
            **expedite.environment,
            **worker.settings(self._evening.pace),
            launcher.address_variable("kitchen_service"): f"127.0.0.1:{free_port()}",
        }
        [kitchen] = [part for part in expedite.parts if part.name == "kitchen"]
        service = kitchen.another(worker.name, environment)
        expedite.parts.append(service)
        service.start()
        return service

    def _wait_for_all(self, expedite: Running) -> None:
        """Until all are at work."""
        deadline = time.monotonic() + READY_SECONDS
        while not {MARIO.name, LUIGI.name, BAR.name} <= self._door.workers_online():
            expedite.supervisor.check()
            if time.monotonic() > deadline:
                raise DevstackError(f"not all workers were there within {READY_SECONDS} s")
            time.sleep(0.2)

    def _die(self) -> None:
        """Kill -9, when he has an order in hand that somebody else takes, too."""
        in_hand = [
            order
            for order in self._door.orders("cooking")
            if order["processed_by"] == LUIGI.name and order["order_type"] == NOT_ONLY_HIS
        ]
        if not in_hand or self._luigi.process is None:
            self._evening.later(0.5, self._die)
            return
        number = in_hand[-1]["order_number"]
        self._luigi.process.send_signal(signal.SIGKILL)
        self._luigi.process.wait(10)
        self.killed += 1
        short = number.rpartition("_")[2]
        self._evening.tell(f"{LUIGI.name} dies (kill -9) while he cooks {short}; nobody takes {ONLY_HIS} now")
        self._evening.later(0.5, lambda: self._watch(number))
        self._evening.later(_IS_AWAY, self._come_back)

    def _watch(self, number: str) -> None:
        status = self._door.status(number) or {}
        heir = status.get("processed_by")
        if heir not in (None, LUIGI.name):
            self.taken_over += 1
            self._evening.tell(f"{number.rpartition('_')[2]} is taken over by {heir}")
        elif status.get("current_status") == "cooking":
            self._evening.later(0.5, lambda: self._watch(number))

    def _come_back(self) -> None:
        self._luigi.start()
        self._evening.tell(f"{LUIGI.name} is back, and takes {ONLY_HIS} again")
        self._evening.later(_AGAIN_AFTER, self._die)
