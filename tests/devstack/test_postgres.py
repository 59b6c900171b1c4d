"""A PostgreSQL server of one's own: starts, stops, crashes, comes back."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from devstack.postgres import Postgres
from devstack.processes import DevstackError
from tests.support.eventually import eventually
from tests.support.processes import processes_of


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_its_data_outlives_a_stop_a_crash_and_the_object(tmp_path: Path) -> None:
    folder = tmp_path / "a folder with spaces in its name"
    server = Postgres(folder, durable=False)
    server.start()
    try:
        port = server.port
        query(server.url, "CREATE TABLE dishes AS SELECT 'mojito' AS name")
        server.kill()
        assert processes_of(folder) == []
        server.start()
        assert server.port == port
        query(server.url, "INSERT INTO dishes VALUES ('pizza')")
    finally:
        server.stop()
    assert processes_of(folder) == []

    again = Postgres(folder, durable=False)
    again.start()
    try:
        assert again.url == server.url
        assert query(again.url, "SELECT name FROM dishes") == [("mojito",), ("pizza",)]
    finally:
        again.stop()


def test_its_first_process_can_be_killed_alone_and_who_else_is_in_its_folder_is_left_alone(tmp_path: Path) -> None:
    server = Postgres(tmp_path, durable=False)
    server.start()
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path / "data") as bystander:
        try:
            query(server.url, "CREATE TABLE dishes AS SELECT 'mojito' AS name")
            os.kill(server.pid, signal.SIGKILL)
            assert eventually(server.ended) == "by SIGKILL"
            server.start()
            assert query(server.url, "SELECT name FROM dishes") == [("mojito",)]
            assert bystander.poll() is None
        finally:
            server.stop()
            bystander.kill()


@pytest.mark.matrix
def test_two_run_side_by_side_and_only_who_has_the_password_gets_in(tmp_path: Path) -> None:
    servers = [Postgres(tmp_path / name, durable=False) for name in ("one", "two")]
    try:
        for server in servers:
            server.start()
        assert servers[0].port != servers[1].port
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(f"postgresql://expedite:guessed@127.0.0.1:{servers[0].port}/expedite")
    finally:
        for server in servers:
            server.stop()


def test_a_start_that_fails_tells_what_the_server_said(tmp_path: Path) -> None:
    server = Postgres(tmp_path, durable=False)
    server.start()
    server.stop()
    with (tmp_path / "data/postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")

    with pytest.raises(DevstackError, match="no_such_setting"):
        server.start()


def test_it_does_not_outlive_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time; from devstack.postgres import Postgres;"
        "server = Postgres(pathlib.Path(sys.argv[1]), durable=False); server.start();"
        "print(server.pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE)
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline()
        assert processes_of(tmp_path / "data")
        owner.kill()
    eventually(lambda: not processes_of(tmp_path / "data"), within=20)
