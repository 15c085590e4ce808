"""A real nginx with the files of deploy/nginx, on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.service import free_port

NGINX = Path(__file__).parents[2] / "deploy" / "nginx"
START_S = 10

# As many descriptors as systemd leaves to Debian's nginx.
_AROUND = """
daemon off;
pcre_jit on;
worker_processes 2;
worker_rlimit_nofile 1024;
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
def running_nginx(folder: Path, within: Callable[[int], str]) -> Iterator[str]:
    """Run nginx; *within* returns the content of http { } for the port that it listens on. Yield its URL."""
    program = nginx()
    folder.mkdir(parents=True, exist_ok=True)
    for one in NGINX.glob("registry-*.conf"):
        shutil.copy(one, folder)
    process, port = _started(program, folder, within)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _started(program: str, folder: Path, within: Callable[[int], str]) -> tuple[subprocess.Popen[bytes], int]:
    """Start it; a port that somebody else took meanwhile is replaced."""
    user = "user root;" if os.geteuid() == 0 else ""  # the folders of a test are private
    for _ in range(5):
        port = free_port()
        whole = _AROUND.format(folder=folder, within=within(port), user=user)
        (folder / "nginx.conf").write_text(whole, encoding="utf-8")
        with (folder / "stderr").open("wb") as stderr:
            process = subprocess.Popen([program, "-p", folder, "-c", folder / "nginx.conf"], stderr=stderr)
        deadline = time.monotonic() + START_S
        while process.poll() is None and time.monotonic() < deadline:
            if (folder / "nginx.pid").exists():
                return process, port
            time.sleep(0.02)
        said = (folder / "stderr").read_text()
        assert "Address already in use" in said, said
    raise AssertionError("nginx found no port")


def files_server(files: Path, service_port: int) -> Callable[[int], str]:
    """A server as deploy/nginx/example-files.conf has one, without TLS."""
    return lambda port: (
        f"""
    include registry-maps.conf;
    upstream registry {{ server 127.0.0.1:{service_port}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port};
        set $registry_files {files}/main;
        set $registry_max_age 60;
        include registry-files.conf;
    }}
    """
    )


def cache_server(folder: Path, service_port: int) -> Callable[[int], str]:
    """A server as deploy/nginx/example-cache.conf has one, without TLS, with cache and socket in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = (NGINX / "registry-cache-keys.conf").read_text().replace("/run/nginx-registry.sock", f"{folder}/inner.sock")
    (folder / "keys.conf").write_text(keys)
    asked = (NGINX / "registry-cache.conf").read_text().replace("/run/nginx-registry.sock", f"{folder}/inner.sock")
    (folder / "cache.conf").write_text(asked)
    return lambda port: (
        f"""
    include registry-maps.conf;
    proxy_cache_path {folder}/cache levels=1:2 keys_zone=registry:1m use_temp_path=off;
    include keys.conf;
    upstream registry {{ server 127.0.0.1:{service_port}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port};
        include cache.conf;
    }}
    """
    )


__all__ = ["cache_server", "files_server", "free_port", "nginx", "running_nginx"]
