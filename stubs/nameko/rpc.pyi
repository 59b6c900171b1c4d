from typing import Any

from nameko.extensions import Entrypoint, ProviderCollector, SharedExtension
from nameko.messaging import QueueConsumer

class RpcConsumer(SharedExtension, ProviderCollector):
    queue_consumer: QueueConsumer
    queue: Any
    def handle_result(self, message: Any, result: Any, exc_info: Any) -> tuple[Any, Any]: ...

class Rpc(Entrypoint):
    rpc_consumer: RpcConsumer
    def handle_message(self, body: Any, message: Any) -> None: ...
