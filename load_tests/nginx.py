"""nginx with the configuration of deploy/nginx, on loopback, and the CPU time of all its processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from load_tests.script import CannotMeasure
from load_tests.servers import Server, free_port

CONFIGURATION = Path(__file__).parents[1] / "deploy" / "nginx"
START_S = 10
WORKERS = 2

_WHOLE = """
daemon off;
pcre_jit on;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include registry-maps.conf;
    upstream registry {{ server 127.0.0.1:{service}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port};
        set $registry_files {files}/main;
        set $registry_max_age {max_age};
        include registry-files.conf;
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx(Server):
    """nginx: a master and its workers."""

    def cpu_s(self) -> float:
        """Return the CPU seconds that all its processes have used so far, in user and kernel mode."""
        master = psutil.Process(self.pid)
        every = [one.cpu_times() for one in (master, *master.children())]
        return float(sum(times.user + times.system for times in every))


def found() -> str:
    """Return the program; raise `CannotMeasure` where there is none."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise CannotMeasure("nginx is not here; install it (Debian: nginx-light), for row 6 is measured with it.")
    return program


@asynccontextmanager
async def nginx(files: Path, service: Server, *, max_age: int) -> AsyncIterator[Nginx]:
    """Run nginx in front of *service*, with the lists in *files*; raise `CannotMeasure` where there is none."""
    program = found()
    with tempfile.TemporaryDirectory(prefix="registry-nginx-") as temporary:
        folder = Path(temporary)
        for one in CONFIGURATION.glob("registry-*.conf"):
            shutil.copy(one, folder)
        port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""  # the folders of a measurement are private
        whole = _WHOLE.format(
            folder=folder, workers=WORKERS, user=user, service=service.port, port=port, files=files, max_age=max_age
        )
        (folder / "nginx.conf").write_text(whole, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(program, "-p", folder, "-c", folder / "nginx.conf")
        try:
            await _listening(port, process)
            yield Nginx(port, process.pid)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    deadline = time.monotonic() + START_S
    while True:
        if process.returncode is not None or time.monotonic() > deadline:
            raise RuntimeError("nginx did not start; its own words are above.")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
