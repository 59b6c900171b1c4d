"""A database that was lost is restored to a moment, from a base backup and the archived log, by the commands that
docs/operations.md has; and every order that had been accepted by then is cooked."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import requests

from devstack.launcher import migrate
from devstack.postgres import Postgres, programs_folder
from devstack.processes import NOBODY, command_for, free_port
from devstack.rabbitmq import RabbitMQ
from tests.support.customers import numbers, ordering
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite

SWEEPING = {"SWEEP_INTERVAL": 0.3, "SWEEP_GRACE": 1}
IS_ROOT = os.geteuid() == 0


@dataclass
class Lost:
    """What there was when the orders were dropped."""

    moment: str  # of PostgreSQL's clock: what is to be restored
    accepted: set[str] = field(default_factory=set)  # the numbers that customers had by then
    later: set[str] = field(default_factory=set)  # and those that they got afterwards
    link: str = ""  # of one of the latter


@contextlib.contextmanager
def archiving(folder: Path) -> Iterator[Postgres]:
    """A migrated server that archives its log to `folder`/log."""
    (folder / "log").mkdir()
    (folder / "log").chmod(0o777)
    server = Postgres(folder / "postgres", durable=False)
    server.start()
    try:
        with contextlib.closing(psycopg2.connect(server.url)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("alter system set archive_mode = on")
            cursor.execute(
                f"alter system set archive_command = 'test ! -f {folder}/log/%f && cp %p {folder}/log/%f'"
            )
        server.stop()
        server.start()
        migrate(server.url)
        yield server
    finally:
        server.stop()


def base_backup(server: Postgres, into: Path) -> None:
    into.parent.mkdir()
    into.parent.chmod(0o777)
    command: list[str | Path] = [programs_folder() / "pg_basebackup", "--dbname", server.url, "--pgdata", into]
    command += ["--checkpoint", "fast", "--wal-method", "none", "--no-sync"]
    subprocess.run(command_for(command, signal.SIGKILL, IS_ROOT), check=True, timeout=60, capture_output=True)


def everything_is_archived(house: Expedite) -> None:
    [(segment,)] = house.query("select pg_walfile_name(pg_switch_wal())")
    eventually(
        lambda: house.query("select last_archived_wal >= %s from pg_stat_archiver", segment) == [(True,)], 30
    )


@contextlib.contextmanager
def restored(server: Postgres, folder: Path, moment: str) -> Iterator[Postgres]:
    """Another server, on the base backup in `folder`/new/data, as of that moment."""
    data = folder / "new" / "data"
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(
            f"archive_mode = off\nrestore_command = 'cp {folder}/log/%f %p'\n"
            f"recovery_target_time = '{moment}'\nrecovery_target_action = promote\n"
        )
    (data / "recovery.signal").touch()
    if IS_ROOT:
        os.chown(data / "recovery.signal", NOBODY, NOBODY)
    known = json.loads((server.folder / "connection.json").read_text())  # its password is in the data
    (folder / "new" / "connection.json").write_text(json.dumps({**known, "port": free_port()}))
    new = Postgres(folder / "new", durable=False)
    new.start()
    try:
        eventually(lambda: Expedite(new.url, "").query("select pg_is_in_recovery()") == [(False,)], 60)
        yield new
    finally:
        new.stop()


def lose(server: Postgres, folder: Path, amqp_uri: str) -> Lost:
    """A house whose orders are dropped while customers order: some were cooked by then, one is being cooked, the
    others wait."""
    house = Expedite(server.url, amqp_uri)
    try:
        desk = house.start("order_service")
        worker = house.start_worker("anna")
        ready = [house.place_number() for _ in range(3)]
        for number in ready:
            house.wait_for(number, "ready")
        worker.stop()
        house.start_worker("bruno", COOKING_SPEED=0.01, HEARTBEAT_INTERVAL=0.5)
        cooking = house.place_number()
        house.wait_for(cooking, "cooking")
        with ordering(desk.url, customers=3) as answers:
            eventually(lambda: len(numbers(answers)) >= 10, 30)
            base_backup(server, folder / "new" / "data")
            before = len(numbers(answers))
            eventually(lambda: len(numbers(answers)) >= before + 20, 30)
            accepted = {*ready, cooking, *numbers(answers)}
            lost = Lost(str(house.query("select now()")[0][0]), accepted)
            eventually(lambda: len(numbers(answers)) >= len(accepted) + 20, 30)
        placed = house.place()
        lost.link = placed["tracking_url"]
        lost.later = {row[0] for row in house.query("select number from orders where placed_at > %s", lost.moment)}
        assert placed["order_number"] in lost.later
        assert not lost.accepted & lost.later
        eventually(lambda: house.query("select count(*) from outbox") == [(0,)], 30)
        house.query("drop table orders cascade")
        everything_is_archived(house)
    finally:
        house.stop_all()
    server.stop()
    return lost


def all_cooked_once(house: Expedite, accepted: set[str]) -> None:
    there = {row[0] for row in house.query("select number from orders")}
    assert accepted <= there
    eventually(lambda: house.query("select distinct status from orders") == [("ready",)], 60)
    eventually(house.is_settled, 30)
    assert sorted(house.cooked()) == sorted(row[0] for row in house.query("select number from orders"))


def test_a_new_and_empty_broker_is_enough(tmp_path: Path, rabbitmq: RabbitMQ, amqp_uri: str) -> None:
    with archiving(tmp_path) as server:
        lost = lose(server, tmp_path, amqp_uri)
        with restored(server, tmp_path, lost.moment) as new:
            house = Expedite(new.url, rabbitmq.add_vhost("new"))
            try:
                assert not {row[0] for row in house.query("select number from orders")} & lost.later
                said = subprocess.run(
                    [sys.executable, "-W", "ignore", "-m", "order_service.restored"],
                    cwd=ROOT, env=house.environment(), check=True, capture_output=True, text=True, timeout=60,
                ).stdout  # fmt: skip
                assert "go on 1000 later" in said
                house.start("order_service", **SWEEPING)
                anew = house.place_number()
                assert anew not in lost.later | lost.accepted
                house.start_worker("anna")
                all_cooked_once(house, lost.accepted | {anew})
                assert house.waiting("dead_letters") == 0
            finally:
                house.stop_all()
                rabbitmq.delete_vhost("new")


def test_tickets_of_orders_that_were_lost_move_no_others(
    tmp_path: Path, rabbitmq: RabbitMQ, amqp_uri: str
) -> None:
    """The broker is the one of before, and nobody left their numbers out: so they are given again."""
    with archiving(tmp_path) as server:
        lost = lose(server, tmp_path, amqp_uri)
        with restored(server, tmp_path, lost.moment) as new:
            house = Expedite(new.url, amqp_uri)
            try:
                desk = house.start("order_service", **SWEEPING)
                at_tables = {house.place_number(order_type="dine_in", table_number=7) for _ in lost.later}
                assert at_tables & lost.later
                # Whoever has the link to a lost order has none to the one that has its number now.
                number, _, key = lost.link.rpartition("/")[2].partition("?key=")
                assert "items" not in requests.get(f"{desk.url}/orders/{number}", {"key": key}, timeout=5).json()

                house.start_worker("anna", ORDER_TYPES="takeout,delivery")
                eventually(lambda: house.waiting("dead_letters") == len(lost.later), 60)
                for table in at_tables:
                    assert house.history(table) == ["received"]
                house.start_worker("cleo", ORDER_TYPES="dine_in")
                all_cooked_once(house, lost.accepted | at_tables)
                with house.channel() as channel:
                    letters = [channel.basic_get("dead_letters") for _ in lost.later]
                assert {json.loads(each.body)["order_number"] for each in letters} == lost.later
                assert all(each.headers["reason"].startswith("NotFound") for each in letters)
            finally:
                house.stop_all()
