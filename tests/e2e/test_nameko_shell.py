"""`nameko shell` can do what HTTP can."""

import subprocess
import sys
from pathlib import Path

from tests.support.expedite import ROOT, Expedite

SESSION = """
tea = {"name": "Tea", "quantity": 2, "price": 60.5}
order = {"customer_name": "Ada Lovelace", "order_type": "takeout", "items": [tea]}
placed = n.rpc.order_service.place_order(order)
print("PLACED", placed["order_number"], f"{placed['total_amount']:.2f}", placed["priority"])
read = n.rpc.order_service.get_order(placed["order_number"])
print("READ", read["customer_name"], read["items"][0]["name"], f"{read['total_amount']:.2f}")
print("WORKERS", [(worker["worker_name"], worker["status"]) for worker in n.rpc.kitchen_service.list_workers()])
try:
    n.rpc.order_service.place_order({**order, "customer_name": "R2D2"})
except Exception as exc:
    print("REFUSED", exc)

"""


def test_nameko_shell_places_an_order_reads_it_and_lists_the_workers(expedite: Expedite) -> None:
    expedite.start("order_service")
    expedite.start_worker("chef_mario")

    shell = subprocess.run(
        [Path(sys.executable).parent / "nameko", "shell", "--config", "config.yml"],
        cwd=ROOT,
        env=expedite.environment(),
        input=SESSION,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert shell.returncode == 0, shell.stderr
    [(number,)] = expedite.query("select number from orders")
    said = [line.lstrip(">. ") for line in shell.stdout.splitlines() if line.strip(">. ")]
    assert said == [
        f"PLACED {number} 121.00 10",
        "READ Ada Lovelace Tea 121.00",
        "WORKERS [('chef_mario', 'online')]",
        "REFUSED Invalid Validation failed: Not accepted: customer_name.",
    ]
