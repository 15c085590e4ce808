"""The other side of a comparison over HTTP: aiohttp and nothing else, in a process of its own.

`python -m load_tests.peer ANSWER` listens on a free port of loopback and prints it. ANSWER is a file that `Answer`
wrote. Nothing is looked up, counted or checked: what this costs, aiohttp costs.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import orjson
from aiohttp import web

ADDED_BY_AIOHTTP = ("content-length", "date", "server")


@dataclass(frozen=True, slots=True)
class Answer:
    """What our service answered; the peer repeats it."""

    method: str
    path: str
    """An aiohttp path; one without `{…}` is found without a search, which suits the peer."""
    status: int
    headers: dict[str, str]
    body: bytes
    parses: bool = False
    """Whether the request's body is read and parsed as JSON (by orjson) first."""
    serialises: bool = False
    """Whether the answer's body, which is JSON, is serialised anew (by orjson) for each request."""

    def write(self, path: Path) -> None:
        """Write it for the peer's process."""
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ADDED_BY_AIOHTTP}
        body = base64.b64encode(self.body).decode()
        fields = (self.method, self.path, self.status, kept, body, self.parses, self.serialises)
        path.write_text(json.dumps(fields), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Answer:
        """Return what `write` wrote."""
        method, where, status, headers, body, *does = json.loads(path.read_text(encoding="utf-8"))
        return cls(method, where, status, headers, base64.b64decode(body), *does)


def application(answer: Answer) -> web.Application:
    """Return the application that gives *answer*, and 404 elsewhere."""
    status, headers, body = answer.status, answer.headers, answer.body or None

    async def same(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers, body=body)

    async def parsed(request: web.Request) -> web.Response:
        orjson.loads(await request.read())
        return web.Response(status=status, headers=headers, body=body)

    value = orjson.loads(answer.body) if answer.serialises else None

    async def serialised(request: web.Request) -> web.Response:
        if answer.parses:
            orjson.loads(await request.read())
        return web.Response(status=status, headers=headers, body=orjson.dumps(value))

    app = web.Application(client_max_size=1 << 24)
    handler = serialised if answer.serialises else parsed if answer.parses else same
    app.router.add_route(answer.method, answer.path, handler)
    return app


async def main(answer: Answer) -> None:
    """Serve until killed."""
    runner = web.AppRunner(application(answer), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Answer.read(Path(sys.argv[1]))))
