"""After a restore: nothing of the lost time is taken for something of now."""

import subprocess
import sys

from tests.support.expedite import ROOT, Expedite
from tests.support.people import get, register, sign_in


def skip_lost_time(expedite: Expedite, **settings: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "order_service.restored", "--skip", "5000"],
        cwd=ROOT,
        env=expedite.environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def test_what_was_given_in_the_lost_time_is_left_out(expedite: Expedite) -> None:
    expedite.start("order_service")
    ada = register(expedite)
    before = expedite.place_number()
    expedite.query("insert into mail_addresses (address) values ('ada@example.com')")
    said = skip_lost_time(expedite)
    assert said == (
        "The numbers of today's orders, and the ids of accounts, go on 5000 later. "
        "Accounts that have to sign in again: 1.\n"
    )
    after = expedite.place_number()
    assert int(after.rsplit("_", 1)[1]) > 5000
    assert register(expedite).id > ada.id + 5000
    assert get(expedite, "/orders", ada).status_code == 401
    assert sign_in(expedite, ada.email).status_code == 200
    assert expedite.history(before) == ["received"]
    expedite.query("insert into mail_addresses (address) values ('bob@example.com')")
    [(before_id,), (after_id,)] = expedite.query("select id from mail_addresses order by id")
    assert after_id > before_id + 5000


def test_many_accounts_take_as_long_as_they_take(expedite: Expedite) -> None:
    expedite.query("""
        insert into users (email, username, username_key, password_hash, role)
            values ('ada@example.com', 'ada', 'ada', 'x', 'customer');
        create function slow() returns trigger language plpgsql as
            'begin perform pg_sleep(0.5); return new; end';
        create trigger slow before update on users for each row execute function slow()
    """)
    assert "sign in again: 1." in skip_lost_time(expedite, STATEMENT_TIMEOUT="0.1")
