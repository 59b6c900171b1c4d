from collections.abc import Mapping
from typing import Any, Self

from nameko.extensions import DependencyProvider
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, sessionmaker
from sqlalchemy.orm import Session as BaseSession

class Session(BaseSession):
    def __enter__(self) -> Self: ...

class Database(DependencyProvider):
    engine: Engine
    Session: sessionmaker[Session]
    def __init__(
        self,
        declarative_base: type[DeclarativeBase],
        session_options: Mapping[str, Any] | None = None,
        engine_options: Mapping[str, Any] | None = None,
    ) -> None: ...
