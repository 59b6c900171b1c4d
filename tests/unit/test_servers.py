"""Addresses of several servers are read as libpq reads them."""

import psycopg2
import pytest

from common.postgres import servers


@pytest.mark.parametrize(
    ("hosts", "shown"),
    [
        ("one:5432,two:5433", "one:5432,two:5433"),
        ("one,two", "one:5432,two:5432"),
        ("one:5433", "one:5433"),
        ("[::1]:5433,10.0.0.2", "::1:5433,10.0.0.2:5432"),
    ],
)
def test_an_address_is_shown_without_its_account(hosts: str, shown: str) -> None:
    assert servers.shown(f"postgresql://expedite:db-password@{hosts}/expedite") == f"{shown}/expedite"


def test_hosts_and_ports_have_to_agree() -> None:
    with pytest.raises(psycopg2.OperationalError, match="3 hosts and 2 ports"):
        servers.shown("postgresql:///expedite?host=one,two,three&port=5432,5433")


def test_nobody_is_in_doubt_who_was_never_found() -> None:
    servers.doubt("postgresql://one,two/expedite")
    assert not servers._in_doubt
