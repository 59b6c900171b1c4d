from typing import Any

from nameko.extensions import Entrypoint

class HttpRequestHandler(Entrypoint):
    server: Any
    method: str
    url: str
    def __init__(self, method: str, url: str, **kwargs: Any) -> None: ...

http = HttpRequestHandler.decorator
