from collections.abc import Callable
from types import TracebackType
from typing import Any

from nameko.extensions import DependencyProvider, Entrypoint, Extension

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

class WorkerContext:
    service_name: str
    service: Any
    entrypoint: Entrypoint
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    data: dict[str, Any]
    def __init__(
        self,
        container: ServiceContainer,
        service: object,
        entrypoint: Entrypoint,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
    ) -> None: ...

class ServiceContainer:
    config: dict[str, Any]
    service_cls: type
    service_name: str
    extensions: set[Extension]
    entrypoints: set[Entrypoint]
    dependencies: set[DependencyProvider]
    subextensions: set[Extension]
    _being_killed: bool
    _worker_pool: Any
    _worker_threads: dict[WorkerContext, Any]
    def __init__(self, service_cls: type, config: dict[str, Any]) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def wait(self) -> None: ...
    def kill(self, exc_info: tuple[Any, ...] | None = None) -> None: ...
    def spawn_managed_thread(self, fn: Callable[[], object]) -> Any: ...
    def _inject_dependencies(self, worker_ctx: WorkerContext) -> None: ...
    def _worker_teardown(self, worker_ctx: WorkerContext) -> None: ...
    def _worker_setup(self, worker_ctx: WorkerContext) -> None: ...
    def _worker_result(
        self, worker_ctx: WorkerContext, result: object = None, exc_info: object = None
    ) -> None: ...
