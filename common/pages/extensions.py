"""The templates and the files of a service that has pages."""

import importlib
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment
from nameko.extensions import SharedExtension

from common.errors import NotFound
from common.http import HttpEntrypoint
from common.http.answer import Answer
from common.http.request import Request
from common.pages import files, rendering
from common.pages.settings import PageSettings


class Rendering(SharedExtension):
    """Renders the templates of the service that it is a part of. One for each process.

    Does not start without a key: who is signed in is known by what was signed with it.
    """

    def setup(self) -> None:
        self.settings.signing_keys()

    @property
    def settings(self) -> PageSettings:
        settings: PageSettings = self.container.settings
        return settings

    @cached_property
    def formats(self) -> rendering.Formats:
        return rendering.Formats(self.settings.time_zone, self.settings.currency)

    @cached_property
    def folders(self) -> list[Path]:
        """Where templates and files are looked for: the service's own first."""
        package = importlib.import_module(self.container.service_name)
        return [Path(str(package.__file__)).parent, rendering.SHARED]

    @cached_property
    def name(self) -> str:
        """The service's, as it stands in addresses."""
        return str(self.container.service_name).removesuffix("_service")

    @cached_property
    def version(self) -> str:
        return rendering.version_of(self.folders)

    def link(self, file: str) -> str:
        """The address of a file."""
        return f"/static/{self.name}/{file}"

    def render(self, template: str, **values: Any) -> str:
        """A template's HTML."""
        return self._environment.get_template(template).render(values)

    @cached_property
    def _environment(self) -> Environment:
        made = rendering.environment(self.folders, self.formats, self.link)
        made.globals.update(rendering.context_of(self.settings), version=self.version, person=None)
        return made


class FileEntrypoint(HttpEntrypoint):
    """Serves the files: from memory, and without a worker. A browser asks each time whether it still has the right
    one, which costs it an answer without a body."""

    rendering = Rendering()
    is_traced = False
    is_for_programs = False

    def setup(self) -> None:
        super().setup()
        self._files = files.read(self.rendering.folders)

    def answered(self, arguments: dict[str, object], request: Request) -> Answer:
        found = self._files.get(str(arguments["file"])) if arguments["service"] == self.rendering.name else None
        if found is None:
            raise NotFound("There is no such file.")
        return found.answer(request)
