"""A real nginx with the files of deploy/nginx, on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.service import free_port

NGINX = Path(__file__).parents[2] / "deploy" / "nginx"
START_S = 10

_AROUND = """
daemon off;
worker_processes 2;
error_log {folder}/error.log notice;
pid {folder}/nginx.pid;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {within}
}}
"""


def nginx() -> str:
    """The program; a test that needs it is skipped without, or fails where it is demanded."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        if os.environ.get("REGISTRY_REQUIRE_NGINX") == "1":
            pytest.fail("nginx is not here, and REGISTRY_REQUIRE_NGINX=1 demands it")
        pytest.skip("nginx is not here")
    return found


@contextmanager
def running_nginx(folder: Path, within: str, port: int) -> Iterator[str]:
    """Run nginx with *within* as the content of http { }, which listens on *port*; yield its URL."""
    program = nginx()
    folder.mkdir(parents=True, exist_ok=True)
    for one in NGINX.glob("registry-*.conf"):
        shutil.copy(one, folder)
    user = "user root;" if os.geteuid() == 0 else ""  # the folders of a test are private
    (folder / "nginx.conf").write_text(_AROUND.format(folder=folder, within=within, user=user), encoding="utf-8")
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen([program, "-p", folder, "-c", folder / "nginx.conf"], stderr=stderr)
    try:
        deadline = time.monotonic() + START_S
        while not (folder / "nginx.pid").exists():
            assert process.poll() is None, (folder / "stderr").read_text()
            assert time.monotonic() < deadline, "nginx did not start"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def files_server(port: int, files: Path, service_port: int) -> str:
    """A server as deploy/nginx/example-files.conf has one, without TLS."""
    return f"""
    include registry-maps.conf;
    upstream registry {{ server 127.0.0.1:{service_port}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port};
        set $registry_files {files}/main;
        include registry-files.conf;
    }}
    """


__all__ = ["files_server", "free_port", "nginx", "running_nginx"]
