"""How long, how often and how much."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """What one run does. Loads last `seconds`, after one of `warm_up` seconds on new processes. `writes`: what was
    measured is kept."""

    rounds: int = 5
    seconds: float = 5
    warm_up: float = 2
    kitchen_orders: int = 2_000
    waiting_orders: int = 10_000
    growth: tuple[int, ...] = (6_000, 100_000, 1_000_000)
    streams: int = 1_000
    idle_seconds: float = 30
    memory_minutes: float = 10
    memory_sample: float = 5
    scaling_rounds: int = 3
    scaling_seconds: float = 3
    writes: bool = True

    def of(self, part: str) -> "Plan":
        """As a part wants it: those about scaling and stations measure so much that each of it is short."""
        if part == "scaling":
            return replace(self, rounds=self.scaling_rounds, seconds=self.scaling_seconds, warm_up=1)
        if part == "stations":
            return replace(self, rounds=self.scaling_rounds, idle_seconds=min(5, self.idle_seconds))
        return self


#: To see whether it works; its figures mean nothing.
QUICK = Plan(
    rounds=1,
    seconds=1,
    warm_up=1,
    kitchen_orders=300,
    waiting_orders=500,
    growth=(1_000, 2_000),
    streams=150,
    idle_seconds=3,
    memory_minutes=0.2,
    memory_sample=1,
    scaling_rounds=1,
    scaling_seconds=1,
    writes=False,
)

#: Orders of a day in a table that is filled: two of its days are what dashboards look at.
A_DAY = 3_000

#: Orders that are tracked: a third each received, cooking and ready.
MIXED = 300
