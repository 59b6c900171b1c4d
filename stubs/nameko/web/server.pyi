from typing import Any

from nameko.extensions import ProviderCollector, SharedExtension
from werkzeug.routing import Map

class WebServer(ProviderCollector, SharedExtension):
    _gt: Any
    _sock: Any
    @property
    def bind_addr(self) -> tuple[str, int]: ...
    def make_url_map(self) -> Map: ...
