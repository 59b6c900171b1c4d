"""What a run of this part of the benchmark found, as bench/scaling/measured.json keeps it for docs/scaling.md."""

import dataclasses
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.scaling import growth, prediction
from bench.scaling.counting import FEW_PROCESSES, PROCESSES
from bench.scaling.growth import Step
from bench.scaling.loads import Carried
from bench.scaling.model import Costs
from bench.scaling.prediction import Round

FILE = Path(__file__).with_name("measured.json")

Rates = Mapping[int, Sequence[float]]
_PHASES: tuple[tuple[str, Callable[[Round], Any]], ...] = (
    ("placed", lambda each: each.placed[max(FEW_PROCESSES)]),
    ("cooked", lambda each: each.cooked[max(FEW_PROCESSES)]),
)


@dataclass(frozen=True)
class Measured:
    """Rates are orders a second, of each round, by the number of processes; what was predicted for a round is by
    that round's own costs. `costs` are the medians of all rounds. `parts` has CPU seconds for an order by phase
    (placed, cooked) and part, `made` its transactions, messages and bytes of WAL."""

    machine: str
    cores: int
    rounds: int
    placed: Rates
    placed_predicted: Rates
    cooked: Rates
    cooked_predicted: Rates
    crowding: Rates
    costs: Costs
    parts: Mapping[str, Mapping[str, float]]
    made: Mapping[str, Mapping[str, float]]
    limits: Mapping[str, float]
    grown: Sequence[Step]

    def ratios(self, phase: str, processes: int) -> list[float]:
        """What was predicted over what was measured, round by round."""
        measured, predicted = getattr(self, phase), getattr(self, f"{phase}_predicted")
        return [one / other for one, other in zip(predicted[processes], measured[processes], strict=True)]

    def as_json(self) -> str:
        """As the file has it."""
        return json.dumps(_rounded(dataclasses.asdict(self)), indent=1) + "\n"

    @classmethod
    def read(cls, text: str) -> "Measured":
        """What `as_json()` wrote."""
        found = json.loads(text)
        by_number = ("placed", "placed_predicted", "cooked", "cooked_predicted", "crowding")
        found |= {name: {int(number): values for number, values in found[name].items()} for name in by_number}
        found["costs"] = Costs(**found["costs"])
        found["grown"] = [
            Step(**{**step, "one": Carried(**step["one"]), "share": Carried(**step["share"])})
            for step in found["grown"]
        ]
        return cls(**found)


def measured(machine: str, rounds: Sequence[Round]) -> Measured:
    """Puts rounds together, and lets the model predict and grow."""
    cores = rounds[0].cores
    each = [(one, prediction.costs_of(one)) for one in rounds]
    placed = [prediction.placed(costs, cores, one.crowding) for one, costs in each]
    cooked = [prediction.cooked(costs, cores, one.crowding) for one, costs in each]
    costs = Costs(
        **{
            name: statistics.median(getattr(found, name) for _, found in each)
            for name in (cost.name for cost in dataclasses.fields(Costs))
        }
    )
    parts = {phase: _medians([_cpu(of(one)) for one in rounds]) for phase, of in _PHASES}
    made = {phase: _medians([_made(of(one)) for one in rounds]) for phase, of in _PHASES}
    sent = [sent for one in rounds for sent in one.sent]
    # Its process's part of what RabbitMQ does, when it takes an order and when it gives it away.
    queue = statistics.median(each.queues for each in sent) * costs.broker
    queue += statistics.median(one.queues for one in rounds) * costs.cooked_broker
    limits = growth.limits(
        costs,
        numbering=statistics.median(one.numbering for one in rounds),
        relay=statistics.median(max(sent.rate for sent in one.sent) for one in rounds),
        queue=queue,
        log=statistics.median(one.log for one in rounds),
        wal=sum(each["bytes of WAL"] for each in made.values()),
    )
    return Measured(
        machine=machine,
        cores=cores,
        rounds=len(rounds),
        placed=_by_number([{n: run.rate for n, run in one.placed.items()} for one in rounds]),
        placed_predicted=_by_number(placed),
        cooked=_by_number([{n: run.rate for n, run in one.cooked.items()} for one in rounds]),
        cooked_predicted=_by_number(cooked),
        crowding=_by_number([one.crowding for one in rounds]),
        costs=costs,
        parts=parts,
        made=made,
        limits=limits,
        grown=growth.grown(costs, limits),
    )


def _cpu(run: Any) -> dict[str, float]:
    return {part: seconds / run.orders for part, seconds in run.counted.cpu.items()}


def _made(run: Any) -> dict[str, float]:
    return {
        "transactions": run.transactions / run.orders,
        "messages": run.counted.messages / run.orders,
        "bytes of WAL": run.counted.wal / run.orders,
    }


def _by_number(rounds: Sequence[Mapping[int, float]]) -> dict[int, list[float]]:
    return {number: [each[number] for each in rounds] for number in PROCESSES}


def _medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def _rounded(value: Any) -> Any:
    """To six digits: enough for what is read from it."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
