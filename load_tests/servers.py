"""Servers as processes of their own on loopback, and the CPU time that each has used."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from load_tests.peer import Answer
from registry import embedded
from registry.deployment import with_embedded
from registry.dev import Demo
from registry.settings import load

START_S = 60
STOP_S = 20
_WITHOUT_BOUND = "1000000000"
"""Quotas stay in place and are taken from, but a single address with 64 connections never uses them up."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that takes connections on 127.0.0.1."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """Return the CPU seconds that its process has used so far, in user and kernel mode, without its children."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


@dataclass(frozen=True, slots=True)
class Registry(Server):
    """`registry dev` in a home of its own: serves, projects and publishes in one process; metrics and quotas are on."""

    demo: Demo
    home: Path

    @property
    def authorization(self) -> str:
        """The demo issuer's."""
        return f"Bearer {self.demo.issuer_key}"


@dataclass(frozen=True, slots=True)
class Deployed(Registry):
    """The service as it is deployed: this process is `registry serve`, and beside it runs `registry project`."""

    projector: Server
    """It takes no connections; its CPU time is what projecting and publishing have used."""


@asynccontextmanager
async def registry(**others: str) -> AsyncIterator[Registry]:
    """Run our service, with *others* as further settings (FILES=…); yield it when it is ready."""
    with new_home() as home:
        async with _dev(home, others) as server:
            yield server


@asynccontextmanager
async def deployed(**others: str) -> AsyncIterator[Deployed]:
    """Run our service as it is deployed, on the PostgreSQL and with the demo issuer that `registry dev` left."""
    with new_home() as home:
        async with _dev(home, others) as dev:
            pass
        async with embedded.running(home) as server, AsyncExitStack() as stack:
            named = with_embedded(load(home=home), server)
            assert named.database_url is not None, "the embedded one has every role"
            assert named.projector_database_url is not None, "the embedded one has every role"
            settings = {
                "HOME": str(home),
                "ENV": named.env,
                "LOGS": f"main={dev.demo.url}",
                "DATABASE_URL": named.database_url.get_secret_value(),
                "PROJECTOR_DATABASE_URL": named.projector_database_url.get_secret_value(),
                "PORT": str(dev.port),
                "METRICS_PORT": "0",
                **others,
            }
            pids = [
                (await stack.enter_async_context(_saying(line, command, without_bounds(settings)))).pid
                for command, line in (("project", "projecting"), ("serve", "serving on"))
            ]
            ours = Deployed(dev.port, pids[1], dev.demo, home, Server(0, pids[0]))
            await _first_credential(ours)
            yield ours


@asynccontextmanager
async def _dev(home: Path, others: Mapping[str, str]) -> AsyncIterator[Registry]:
    port = free_port()
    environment = without_bounds({"HOME": str(home), "PORT": str(port), "METRICS_PORT": "0", **others})
    async with python("-m", "registry", "dev", environment=environment) as process:
        demo = await _demo(home / "demo.env", process)
        server = Registry(port, process.pid, demo, home)
        await _first_credential(server)
        yield server


@asynccontextmanager
async def _saying(begins: str, command: str, environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command of the registry; yield when it says so."""
    async with python("-m", "registry", command, environment=environment) as process:
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            while not (line := await process.stdout.readline()).decode().startswith(begins):
                if not line:
                    raise RuntimeError(f"`registry {command}` did not start; its own words are above.")
        yield process


def without_bounds(settings: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with *settings*, REGISTRY_… each, and quotas that nobody uses up."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    kinds = [f"{kind}_{bound}" for kind in ("READ", "WRITE", "VERIFY") for bound in ("QUOTA_PER_S", "BURST")]
    named = {**dict.fromkeys(kinds, _WITHOUT_BOUND), **settings}
    return environment | {f"REGISTRY_{name}": value for name, value in named.items()}


@contextmanager
def new_home() -> Iterator[Path]:
    """Yield a folder for a registry or a PostgreSQL, and remove it."""
    with tempfile.TemporaryDirectory(prefix="registry-load-") as temporary:
        Path(temporary).chmod(0o711)  # PostgreSQL runs under another account when we are root
        yield Path(temporary) / "home"


@asynccontextmanager
async def peers(*answers: Answer) -> AsyncIterator[list[Server]]:
    """Run one bare aiohttp server for each of *answers*."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="registry-load-")))
        yield [await stack.enter_async_context(_peer(answer, folder / str(n))) for n, answer in enumerate(answers)]


@asynccontextmanager
async def _peer(answer: Answer, file: Path) -> AsyncIterator[Server]:
    answer.write(file)
    async with python("-m", "load_tests.peer", str(file)) as process:
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            line = await process.stdout.readline()
        yield Server(int(line), process.pid)


@asynccontextmanager
async def python(
    *arguments: str, environment: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run Python with *arguments*; end it with SIGTERM, and with SIGKILL if it does not hear."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_S):
                    await process.communicate()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _demo(file: Path, process: asyncio.subprocess.Process) -> Demo:
    """Return the demo's keys as soon as the service has written them, which is when it is ready."""
    deadline = time.monotonic() + START_S
    while (demo := Demo.read(file)) is None:
        if process.returncode is not None:
            raise RuntimeError("`registry dev` did not start; its own words are above.")
        if time.monotonic() > deadline:
            raise TimeoutError(f"`registry dev` was not ready within {START_S} s.")
        await asyncio.sleep(0.05)
    return demo


async def _first_credential(server: Registry) -> None:
    """Register one: only when the issuer's first lists are published does that succeed."""
    url = f"{server.demo.url}/issuers/{server.demo.issuer}/credentials"
    headers, body = {"Authorization": server.authorization}, {"type": ["VerifiableCredential"]}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.timeout(START_S):
        while True:
            async with session.post(url, json=body) as response:
                if response.status == 201:
                    return
            await asyncio.sleep(0.1)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
