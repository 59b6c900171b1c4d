"""What everything that is sent goes to: `python -m bench.receivers` takes letters, webhooks and traces, and
keeps none.

It writes the ports of its mail server and of its web server, and for each line that it reads then, how many of
each kind came since. Ends with its input.
"""

import asyncio
import json
import sys
from collections import Counter
from typing import Any

from aiosmtpd.smtp import SMTP

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class _Mailbox:
    def __init__(self, came: Counter[str]) -> None:
        self._came = came

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802  (aiosmtpd's name)
        self._came["letters"] += 1
        return "250 OK"


async def _serve(came: Counter[str]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests of one connection, one after the other."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                came["traces" if head.startswith(b"post /v1/traces ") else "webhooks"] += 1
                writer.write(_ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    loop = asyncio.get_running_loop()
    web = await asyncio.start_server(answer, "127.0.0.1", 0)
    mail = await loop.create_server(lambda: SMTP(_Mailbox(came), hostname="bench"), "127.0.0.1", 0)
    _say([mail.sockets[0].getsockname()[1], web.sockets[0].getsockname()[1]])
    while await loop.run_in_executor(None, sys.stdin.readline):
        _say(came)
        came.clear()


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(Counter()))
