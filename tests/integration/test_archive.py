"""Orders of long ago leave the tables that are worked with: whole and once, whatever dies."""

import subprocess
import sys
from decimal import Decimal

import pytest

from common.postgres.sessions import Sessions
from order_service.archive.archiving import archive
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite
from tests.support.locks import held

NAME, STREET, NOTE, REASON = "Zebedee Quillfeather", "77 Marzipan Lane", "call 0171 5550199", "my aunt Oglethorpe"
# One a day: the oldest first, and the newest today. Two items each, and their history.
FILL = f"""
    insert into users (email, username, username_key, password_hash, role)
        values ('quillfeather@example.com', 'x', 'x', 'x', 'customer');
    insert into orders (number, customer_id, customer_name, notification_email, delivery_address, order_type,
            total_amount, priority, prep_seconds, status, sequence, placed_at, updated_at, completed_at, reason)
        select 'ORD_' || to_char(at, 'YYYYMMDD') || '_001', (select min(id) from users), '{NAME}',
            'quillfeather@example.com', '{STREET}', 'delivery', 15.99 + n, 1, 10, 'completed', 2, at, at, at,
            '{REASON}'
        from generate_series(%s - 1, 0, -1) n, lateral (select now() - n * interval '1 day' as at) placed;
    insert into order_items (order_id, position, name, quantity, price, note)
        select id, position, 'Tea', position, 4.10, '{NOTE}' from orders, generate_series(1, 2) position;
    insert into order_status_log (order_id, sequence, status, changed_by, changed_at, reason)
        select id, step, (array['received', 'completed'])[step], 'quillfeather', placed_at, '{REASON}'
        from orders, generate_series(1, 2) step;
"""
WHERE = """
    select (select count(*) from orders), (select count(*) from archived_orders),
        (select count(*) from orders join archived_orders using (number)),
        (select count(*) from order_items), (select count(*) from order_status_log)
"""
ALL = (
    "select number, total_amount from orders union all select number, total_amount from archived_orders order by 1"
)


def moved(sessions: Sessions, days: int, bite: int = 7) -> list[int]:
    return list(archive(sessions, days, bite))


def run(expedite: Expedite, days: int) -> list[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "order_service.archive"],
        cwd=ROOT,
        env=expedite.environment(ARCHIVE_AFTER=days),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.splitlines()


def test_what_is_older_than_the_setting_moves_once_and_without_what_tells_of_a_person(
    expedite: Expedite, sessions: Sessions
) -> None:
    expedite.query(FILL, 50)
    before = expedite.query(ALL)
    assert run(expedite, 0) == ["ARCHIVE_AFTER is 0: orders stay where they are."]
    assert run(expedite, 40) == ["Orders older than 40 days: 10 were moved to archived_orders."]
    assert expedite.query(WHERE) == [(40, 10, 0, 80, 80)]
    assert expedite.query(ALL) == before
    assert moved(sessions, 40) == [0]
    assert moved(sessions, 30) == [7, 3]
    assert expedite.query(WHERE) == [(30, 20, 0, 60, 60)]
    kept = [row[0] for row in expedite.query("select to_jsonb(a) from archived_orders a order by placed_at")]
    assert not [word for word in (NAME, "quillfeather", STREET, NOTE, REASON) if word in str(kept)]
    assert (kept[0]["total_amount"], kept[0]["status"]) == (64.99, "completed")
    assert kept[0]["items"][1] == {"name": "Tea", "quantity": 2, "price": 4.1}
    assert [step["status"] for step in kept[0]["history"]] == ["received", "completed"]
    assert kept[0]["history"][0]["changed_at"][:10] == kept[0]["placed_at"][:10]
    assert sum(row[1] for row in before) == Decimal("15.99") * 50 + 49 * 50 // 2


def test_what_is_open_or_in_somebodys_hands_stays_until_it_is_over(expedite: Expedite, sessions: Sessions) -> None:
    expedite.query(FILL, 50)
    expedite.query("update orders set status = 'cooking' where id = 2")
    expedite.query("update orders set status = 'ready' where id = 3")  # which nobody completed
    with held(expedite, "select from orders where id = 4 for update"):
        assert moved(sessions, 40) == [5, 3]
    assert expedite.query("select id from orders where placed_at < now() - interval '40 days' order by id") == [
        (2,),
        (4,),
    ]
    assert moved(sessions, 40) == [1]
    expedite.query("update orders set status = 'completed' where id = 2")
    assert moved(sessions, 40) == [1]
    assert expedite.query(WHERE) == [(40, 10, 0, 80, 80)]


@pytest.mark.matrix
def test_what_was_killed_in_the_middle_is_begun_again(expedite: Expedite) -> None:
    expedite.query(FILL, 20_000)
    before = expedite.query(ALL)
    for more in (1, 4_000, 9_000):
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "order_service.archive"],
            cwd=ROOT,
            env=expedite.environment(ARCHIVE_AFTER=30),
            stdout=subprocess.DEVNULL,
        )
        enough = "select count(*) >= %s from archived_orders"
        eventually(lambda more=more, enough=enough: expedite.query(enough, more) == [(True,)], 60)
        process.kill()
        process.wait(10)
        orders, archived, both, items, steps = expedite.query(WHERE)[0]
        assert (orders + archived, both, items, steps) == (20_000, 0, 2 * orders, 2 * orders)
        assert archived < 20_000 - 30
    said = run(expedite, 30)
    assert said[-1].startswith("Orders older than 30 days: ")
    assert expedite.query(WHERE) == [(30, 19_970, 0, 60, 60)]
    assert expedite.query(ALL) == before
