"""What a service answers to programs, as a document and as a page: made when somebody asks first, and kept."""

import importlib
from functools import cached_property
from typing import Any

from markupsafe import Markup
from nameko.extensions import DependencyProvider

from common import codec
from common.errors import NotFound
from common.http import HttpEntrypoint
from common.http.answer import JSON, Answer
from common.http.request import Request
from common.pages import docs_view
from common.pages.answers import Page
from common.pages.extensions import Rendering
from common.pages.files import File

#: What else there is to read, by the name of its service.
_WORDS = {"order": "Orders", "tracking": "Tracking", "kitchen": "Kitchen", "notifier": "Notifier"}


class DocumentEntrypoint(HttpEntrypoint):
    """A JSON document that is the same for everybody while the process runs: its method is called once."""

    rendering = Rendering()
    is_for_programs = False

    def setup(self) -> None:
        super().setup()
        self._file: File | None = None

    def answered(self, arguments: dict[str, object], request: Request) -> Answer:
        if arguments.pop("service", self.rendering.name) != self.rendering.name:
            raise NotFound("There is no such document.")
        if self._file is None:
            self._file = File(JSON, codec.dumps(self.call(arguments, request)))
        return self._file.answer(request)


document = DocumentEntrypoint.decorator


class Documents(DependencyProvider):
    """The documents of the service that it is a part of. It has a module `api` (common/api/__init__.py), which is
    not loaded before."""

    rendering = Rendering()

    def get_dependency(self, worker_ctx: object) -> "Documents":
        return self

    def openapi(self) -> dict[str, Any]:
        """The service's OpenAPI document."""
        return self._openapi

    def page(self, service: str | None) -> Page:
        """The page of it. Raises NotFound for the name of another service."""
        if service not in (None, self.rendering.name):
            raise NotFound("There is no such document.")
        return Page("docs.html", None, {"routes": self._routes, "title": self._openapi["info"]["title"]})

    @cached_property
    def _openapi(self) -> dict[str, Any]:
        api = importlib.import_module(f"{self.container.service_name}.api").API
        url = self.rendering.settings.own_url(self.rendering.name)
        openapi: dict[str, Any] = api.openapi(self.container.service_cls, url)
        return openapi

    @cached_property
    def _routes(self) -> Markup:
        """The page's larger part, which never changes."""
        settings = self.rendering.settings
        others = {word: f"{settings.own_url(name)}/docs/{name}" for name, word in _WORDS.items()}
        return Markup(  # noqa: S704 - a template of ours
            self.rendering.render(
                "docs_routes.html",
                view=docs_view.of(self._openapi),
                others=others,
                own=_WORDS[self.rendering.name],
                events_url=f"{settings.public_url}/asyncapi.json",
            )
        )
