"""How a service process lives and ends.

Nameko's own container redelivers what is in hand when it is told to stop, and may never end under load. This one
stops taking work, finishes what it has, and ends in time.
"""

import gc
import logging
import signal
import sys
from collections.abc import Callable
from typing import Any

import eventlet
from nameko.containers import ServiceContainer, WorkerContext
from nameko.exceptions import ContainerBeingKilled
from nameko.rpc import Rpc
from nameko_sqlalchemy import DB_URIS_KEY

from common.http import HttpServer
from common.observability import logs, traces
from common.postgres.sessions import DIALECT
from common.settings import Settings

_TICK = 0.5  # seconds that an idle process sleeps at most


class GracefulContainer(ServiceContainer):
    """Named in config.yml as SERVICE_CONTAINER_CLS."""

    def __init__(self, service_cls: type, config: dict[str, Any]) -> None:
        # nameko-sqlalchemy takes its engine's address from here.
        uris = dict.fromkeys(config[DB_URIS_KEY], DIALECT)
        super().__init__(service_cls, {**config, DB_URIS_KEY: uris})
        logs.name_service(self.service_name)
        #: The service's own kind of Settings, where its class names one.
        self.settings: Settings = getattr(service_cls, "settings_class", Settings).of(config, self.service_name)
        self.stopping = False

    def start(self) -> None:
        # Ctrl-C in a terminal reaches the whole process group: it means the same as SIGTERM.
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
        traces.begin(self.service_name, self.settings.otlp_endpoint, self.settings.traces_per_second)
        super().start()
        self.spawn_managed_thread(self._tick)
        # What is loaded by now stays: keep the collector from walking through it again and again.
        gc.freeze()
        # Requests leave little in circles; the usual 700 would have it look at them for nothing at every tenth.
        gc.set_threshold(10_000, 20, 50)
        logs.event("service_started", f"{self.service_name} is up", http_port=self.settings.http_port)

    def stop(self) -> None:
        if self.stopping:
            return
        self.stopping = True
        logs.event("graceful_shutdown", "stopping: no new work", grace_seconds=self.settings.stop_grace)
        for extension in self.extensions:
            if isinstance(extension, HttpServer):
                extension.close_door()
        self._worker_pool.waitall = self._drain
        deadline = eventlet.Timeout(self.settings.stop_grace + 5, False)
        try:
            with deadline:
                super().stop()
                logs.event("graceful_shutdown", "stopped")
                return
        finally:
            deadline.cancel()
        logs.event("graceful_shutdown", "the time to stop in is over: ending what is left", logging.WARNING)
        self.kill()

    def make_room(self, workers: int) -> None:
        """So many workers more than max_workers may run at once: those of an entrypoint that counts its own, so
        that it takes none from the others, nor they from it. To be called while extensions are set up."""
        self._worker_pool.resize(self._worker_pool.size + workers)

    def end_workers(self, entrypoint: Any) -> None:
        """End what still runs of an entrypoint that has stopped."""
        for worker, thread in list(self._worker_threads.items()):
            if worker.entrypoint is entrypoint:
                thread.kill()

    def wait(self) -> None:
        """Until it has ended, one way or another; then the process ends."""
        try:
            super().wait()
        finally:
            traces.end()

    def fail(self, exc: SystemExit) -> None:
        """End the process with `exc`'s exit code, from any of its threads."""
        eventlet.spawn(self.kill, (type(exc), exc, None))

    def eventually(self, attempt: Callable[[], None], what: str, action: str) -> None:
        """Call `attempt` until it does not raise, with pauses growing from 0.5 to 5 seconds, logging each
        failure as `action`. Runs in the calling thread; ends when the container stops."""
        pause = 0.5
        while not self.stopping:
            try:
                attempt()
                return
            except Exception as exc:
                logs.event(action, f"{what}: {type(exc).__name__}", logging.WARNING, pause_seconds=pause)
            eventlet.sleep(pause)
            pause = min(pause * 2, 5.0)

    def run_worker(self, entrypoint: Any, arguments: dict[str, Any], context: dict[str, Any]) -> Any:
        """The result of the entrypoint's method, as a worker of spawn_worker() would come to it, but in the
        calling thread: it would only wait for the other, which costs as much as a short method."""
        if self._being_killed:
            raise ContainerBeingKilled()
        worker = WorkerContext(self, self.service_cls(), entrypoint, (), arguments, data=context)
        outcome: list[Any] = []

        def keep(_worker: Any, result: Any, failure: Any) -> tuple[Any, Any]:
            outcome[:] = result, failure
            return result, failure

        self._worker_threads[worker] = eventlet.getcurrent()
        try:
            self._work(worker, keep)
            result, failure = outcome
            if failure is not None:
                raise failure[1]
            return result
        finally:
            outcome.clear()  # a failure holds this frame, and this frame would hold it
            failure = None
            self._worker_threads.pop(worker, None)

    def _run_worker(self, worker_ctx: WorkerContext, handle_result: Any) -> None:
        """In the worker's own thread, which it has for a message or a call."""
        with _traced(worker_ctx):
            self._work(worker_ctx, handle_result)

    def _work(self, worker_ctx: WorkerContext, handle_result: Any) -> None:
        """What it logs and writes carries the id of the request that caused it, and so do the calls that it makes.

        Otherwise as Nameko's, without the lines that that puts together for a debug log which nobody reads."""
        request_id = logs.sane_request_id(worker_ctx.data.get("request_id"))
        worker_ctx.data["request_id"] = request_id
        logs.begin_request(request_id)
        worker_ctx.data.pop(traces.HEADER, None)
        if traces.on and (traceparent := traces.traceparent()) is not None:
            worker_ctx.data[traces.HEADER] = traceparent
        self._inject_dependencies(worker_ctx)
        self._worker_setup(worker_ctx)
        result = failure = None
        try:
            method = getattr(worker_ctx.service, worker_ctx.entrypoint.method_name)
            result = method(*worker_ctx.args, **worker_ctx.kwargs)
        except Exception as exc:
            failure = sys.exc_info()
            traces.note_failure(exc)
        if handle_result is not None:
            result, failure = handle_result(worker_ctx, result, failure)
        self._worker_result(worker_ctx, result, failure)
        failure = None
        self._worker_teardown(worker_ctx)

    def _drain(self) -> None:
        """In place of the pool's waitall(), which can miss its wake-up when a worker starts meanwhile."""
        with eventlet.Timeout(self.settings.stop_grace, False):
            while self._worker_threads or self._worker_pool.waiting():
                eventlet.sleep(0.02)

    def _tick(self) -> None:
        """Wakes the event loop, which else may sleep for a minute, and hears late of signals and connections."""
        while True:
            eventlet.sleep(_TICK)


def _traced(worker_ctx: WorkerContext) -> traces.Step:
    """The step that a message or a call is. A message goes on with what it came of; a call may come from anybody,
    as a web request may."""
    entrypoint, carried = worker_ctx.entrypoint, worker_ctx.data.get(traces.HEADER)
    if isinstance(entrypoint, Rpc):
        method = f"{worker_ctx.service_name}/{entrypoint.method_name}"
        return traces.serve(method, carried, {"rpc.system.name": "nameko", "rpc.method": method})
    name = getattr(entrypoint, "event_type", entrypoint.method_name)
    attributes = {
        **traces.RABBITMQ,
        "messaging.destination.name": name,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
    }
    return traces.continued(f"process {name}", carried, attributes, traces.CONSUMER)
