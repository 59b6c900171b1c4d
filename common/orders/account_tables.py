"""The tables of accounts, a part of common/orders/tables.py."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from common.orders.lifecycle import USER_ROLES
from common.postgres.base import Base

_NOW = text("now()")


class User(Base):
    """Somebody with an account."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint(f"role in {USER_ROLES}", name="role"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    # In small letters: whoever signs in need not remember how they once wrote it.
    email: Mapped[str] = mapped_column(unique=True)
    username: Mapped[str]
    # The name as it is compared: nobody can take one that looks the same.
    username_key: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    # Goes up with the role, the password and the e-mail, when the account is disabled and when its user signs out
    # everywhere; a token, or a letter's link, that carries an older one is void.
    token_version: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    # Nobody signs in to it since then; null is an account that can be used.
    disabled_at: Mapped[datetime | None]


class EndedSignIn(Base):
    """A sign-in that its user has ended: tokens that name it are void. Forgotten when they would have expired by
    themselves."""

    __tablename__ = "ended_sign_ins"
    __table_args__ = (Index("ix_ended_sign_ins_ended_at", "ended_at"),)  # old ones are forgotten

    # As its tokens name it.
    sign_in: Mapped[str] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime] = mapped_column(server_default=_NOW)
