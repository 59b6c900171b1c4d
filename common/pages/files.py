"""A page's styles, scripts and pictures: held in memory, as they are and packed.

Pages themselves are not packed: who could have a page show a text of theirs could tell by its length what else
stands in it, as an order's key (CVE-2013-3587). A file is the same for everybody.
"""

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from common.http.answer import Answer
from common.http.request import Request

_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".png": "image/png",
}


class File:
    """One of them, by its content."""

    def __init__(self, content_type: str, body: bytes) -> None:
        self._content_type = content_type
        self._plain = body, _tag(body)
        packed = gzip.compress(body, mtime=0)
        self._packed = (packed, _tag(packed)) if len(packed) < len(body) else None

    def answer(self, request: Request) -> Answer:
        """With the file, or without where the browser has this very one."""
        is_packed = self._packed is not None and takes_gzip(request.header(b"accept-encoding") or "")
        body, tag = self._packed if is_packed and self._packed else self._plain
        has_it = request.header(b"if-none-match") == tag
        answer = Answer(304 if has_it else 200, self._content_type, b"" if has_it else body, request.request_id)
        answer.cache_control = "no-cache"
        answer.headers += [("ETag", tag), ("Vary", "Accept-Encoding")]
        if is_packed:
            answer.headers.append(("Content-Encoding", "gzip"))
        return answer


def read(folders: Iterable[Path]) -> Mapping[str, File]:
    """All files in `static` of these folders, by name; a folder's hide those of later ones."""
    found: dict[str, File] = {}
    for folder in folders:
        for path in (folder / "static").glob("*"):
            if path.name not in found:
                found[path.name] = File(_CONTENT_TYPES[path.suffix], path.read_bytes())
    return found


def takes_gzip(accepted: str) -> bool:
    """Whether who sends this Accept-Encoding can unpack it."""
    for each in accepted.split(","):
        coding, _, weight = each.partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            quality = weight.strip().lower().removeprefix("q=")
            return not quality or quality.strip("0.") != ""  # RFC 9110, 12.4.2: a weight of 0 refuses
    return False


def _tag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'
