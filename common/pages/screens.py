"""The class that a service with pages is."""

from typing import Any

from common.nameko_runtime import health
from common.pages.answers import Page
from common.pages.documents import Documents, document
from common.pages.entrypoint import page
from common.pages.extensions import FileEntrypoint
from common.pages.settings import PageSettings


class Screens(health.Probes):
    """A service with pages, which are files of its own, and with a document of what it answers to programs. Behind
    a proxy all services have one address: there the longer ones name whose document it is."""

    settings_class: type[PageSettings] = PageSettings

    documents = Documents()

    @FileEntrypoint.decorator("GET", "/static/<service>/<file>")
    def static_file(self) -> None:
        """A page's style, script or picture."""

    @document("GET", "/openapi.json")
    @document("GET", "/openapi/<service>.json")
    def openapi(self) -> dict[str, Any]:
        """What the service answers to programs, as OpenAPI."""
        return self.documents.openapi()

    @page("GET", "/docs")
    @page("GET", "/docs/<service>")
    def docs_page(self, service: str | None = None) -> Page:
        """The same, for people."""
        return self.documents.page(service)
