"""A batch through nginx: of any size, and handed on while it still comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.deploy.nginx import cache_server, files_server, free_port, nginx, running_nginx

pytestmark = pytest.mark.slow

PATH = "/issuers/college/batches"
REST = 4 * 1024 * 1024
"""Bytes; more than any other request may have."""


@pytest.mark.parametrize("kind", ["cache", "files"])
async def test_rows_reach_the_service_before_the_last_one_is_sent(tmp_path: Path, kind: str) -> None:
    nginx()
    seen, port, folder = asyncio.Event(), free_port(), tmp_path / "nginx"

    async def receive(request: web.Request) -> web.Response:
        total = 0
        async for piece in request.content.iter_any():
            total += len(piece)
            seen.set()
        return web.json_response({"received": total})

    async def rows() -> AsyncIterator[bytes]:
        yield b"{}\n"
        await asyncio.wait_for(seen.wait(), 30)
        yield b" " * REST

    app = web.Application(client_max_size=0)
    app.router.add_post(PATH, receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    server = cache_server(folder, port) if kind == "cache" else files_server(tmp_path, port)
    try:
        with running_nginx(folder, server) as url:
            async with aiohttp.ClientSession() as session, session.post(url + PATH, data=rows()) as response:
                assert (response.status, await response.json()) == (200, {"received": 3 + REST})
    finally:
        await runner.cleanup()
