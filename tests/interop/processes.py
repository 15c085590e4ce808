"""A deployment of real processes over one database: `registry project` and several of `registry serve`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from tests.servers import TestDatabase
from tests.service import free_port

START_S = 60
STOP_S = 40


@dataclass
class Program:
    """One `registry …` as a process of its own; it may be killed and started again."""

    arguments: tuple[str, ...]
    environment: dict[str, str]
    output: Path
    url: str = ""
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it is not ready yet."""
        with self.output.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "registry", *self.arguments), env=self.environment, stdout=output, stderr=output
            )

    async def kill(self) -> None:
        """End it with SIGKILL; return when it is gone."""
        assert self.process is not None
        assert self.process.returncode is None, self.told()
        self.process.kill()
        assert await self.process.wait() == -signal.SIGKILL

    async def stop(self) -> None:
        """End it as an operator does, and require that it leaves in good order."""
        if self.process is None or self.process.returncode == -signal.SIGKILL:
            return
        assert self.process.returncode is None, self.told()
        self.process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                assert await self.process.wait() == 0, self.told()
        except TimeoutError:
            self.process.kill()
            raise AssertionError(f"{self.arguments[0]} did not stop within {STOP_S} s:\n{self.told()}") from None

    def told(self) -> str:
        """Return what it printed."""
        return self.output.read_text()


@dataclass
class Deployment:
    """Programs that share a database, a home and a public origin."""

    database: TestDatabase
    home: Path
    doors: list[Program] = field(default_factory=list)
    projector: Program = field(init=False)
    origin: str = ""
    operator_key: str = ""

    def program(self, *arguments: str, port: int) -> Program:
        """Return a program that is not started yet."""
        environment = {
            "REGISTRY_HOME": str(self.home),
            "REGISTRY_LOGS": f"main={self.origin}",
            "REGISTRY_PORT": str(port),
            "REGISTRY_METRICS_PORT": "0",
            "REGISTRY_ENV": "test",
            "REGISTRY_TICK_S": "0.5",
            "REGISTRY_TTL_S": "2",
            "REGISTRY_CANONICALISER_WORKERS": "1",
            "REGISTRY_DATABASE_URL": self.database.writer,
            "REGISTRY_PROJECTOR_DATABASE_URL": self.database.projector,
            "REGISTRY_OWNER_DATABASE_URL": self.database.owner,
            "PYTHONPATH": ":".join(sys.path),
        }
        output = self.home / f"{arguments[0]}-{port}.txt"
        return Program(arguments, environment, output, f"http://127.0.0.1:{port}")

    async def run(self, *arguments: str) -> str:
        """Run a command that ends; return what it printed."""
        program = self.program(*arguments, port=free_port())
        await program.start()
        assert program.process is not None
        assert await program.process.wait() == 0, program.told()
        return program.told()

    @property
    def host(self) -> dict[str, str]:
        """The header by which every door knows the log, as behind a proxy."""
        return {"Host": urlsplit(self.origin).netloc}


@asynccontextmanager
async def deployed(
    database: TestDatabase, home: Path, *, doors: int, origin: str | None = None, serve: tuple[str, ...] = ("serve",)
) -> AsyncIterator[Deployment]:
    """Set a deployment up with `registry init`, run it until the block is left, and stop it in good order.

    Its public *origin* is by default that of the first door; *serve* is the command of each.
    """
    ports = [free_port() for _ in range(doors)]
    deployment = Deployment(database, home, origin=origin or f"http://127.0.0.1:{ports[0]}")
    printed = await deployment.run("init", "--operator", "tests")
    deployment.operator_key = printed.strip().splitlines()[-1].rpartition(" ")[2]
    deployment.projector = deployment.program("project", port=free_port())
    deployment.doors = [deployment.program(*serve, port=port) for port in ports]
    async with AsyncExitStack() as stack:
        for program in (deployment.projector, *deployment.doors):
            await program.start()
            stack.push_async_callback(program.stop)
        for door in deployment.doors:
            await is_ready(deployment, door)
        yield deployment


async def is_ready(deployment: Deployment, door: Program) -> None:
    """Return when *door* says that it is ready."""
    async with aiohttp.ClientSession(headers=deployment.host) as session:
        deadline = asyncio.get_running_loop().time() + START_S
        while True:
            try:
                async with session.get(f"{door.url}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            assert asyncio.get_running_loop().time() < deadline, door.told()
            await asyncio.sleep(0.1)
