"""How others know that a worker's process is gone."""

import uuid

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from kitchen_service.registration import _LIVE, IS_GONE
from tests.integration.conftest import Transaction

_LOOK = text(f"select {IS_GONE} from (select cast(:instance as uuid) as cooking_worker) as orders")


def test_all_who_look_at_once_find_the_same(transaction: Transaction) -> None:
    instance = str(uuid.uuid4())

    def is_gone(session: Session) -> bool:
        return bool(session.execute(_LOOK, {"instance": instance}).scalar_one())

    with transaction() as living, transaction() as one, transaction() as other:
        living.execute(text(_LIVE.replace("%s", ":instance")), {"instance": instance})
        assert [is_gone(session) for session in (one, other)] == [False, False]
        living.execute(text("select pg_advisory_unlock_all()"))
        assert [is_gone(session) for session in (one, other, one)] == [True, True, True]
