"""The rest of the world, on loopback: https hosts with names and certificates of their own, honest ones and others."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from registry.verifier.addresses import is_public
from registry.verifier.fetcher import Trust

HOSTS = ("issuer.example", "other.example", "lists.example", "rebinding.example", "slow.example")
STRANGER = "stranger.example"
"""Answers with the certificate of somebody else."""

Writer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(
    body: bytes | str | dict[str, Any] | list[Any] = b"",
    media_type: str = "application/json",
    *,
    status: int = 200,
    **headers: str,
) -> bytes:
    """An HTTP answer as it goes over the wire; `Content_Length` and the like override."""
    if not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    said = {"Content-Type": media_type, "Content-Length": str(len(body)), "Connection": "close"}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"HTTP/1.1 {status} -\r\n{head}\r\n".encode() + body


@dataclass
class Elsewhere(AbstractResolver):
    """Every host there is, and the name servers that know them; `answers` is what lies at `host/path`."""

    port: int = 0
    answers: dict[str, bytes | Writer] = field(default_factory=dict)
    addresses: dict[str, list[str]] = field(default_factory=dict)
    """What the name servers say of a host, one after another; the last holds. By default: here."""
    asked: list[str] = field(default_factory=list)
    """`host/path` of every request."""
    heads: list[str] = field(default_factory=list)
    connections: int = 0

    def put(self, url: str, *body: Any, **how: Any) -> str:
        """Let *url* answer with `answer(*body, **how)`; return it."""
        self.answers[url.removeprefix("https://")] = answer(*body, **how)
        return url

    @property
    def trust(self) -> Trust:
        """What makes a fetcher take these hosts for the internet: 127.0.0.1 counts as public, nothing else new does."""
        return Trust(is_public=lambda one: one == "127.0.0.1" or is_public(one), tls=authority().client, names=self)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """What a name server says: the address here, or what `addresses` has."""
        said = self.addresses.get(host) or (["127.0.0.1"] if host in (*HOSTS, STRANGER) else [])
        if not said:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        address = said.pop(0) if len(said) > 1 else said[0]
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [ResolveResult(hostname=host, host=address, port=self.port, family=kind, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        self.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            host = next(line[6:] for line in head.splitlines() if line.lower().startswith("host: "))
            where = host.partition(":")[0] + head.split(" ")[1]
            self.asked.append(where)
            self.heads.append(head)
            found = self.answers.get(where, answer(b"", status=404))
            if isinstance(found, bytes):
                writer.write(found)
                await writer.drain()
            else:
                await found(writer)
        writer.close()


@dataclass(frozen=True)
class Authority:
    """A certificate authority that only tests trust."""

    server: ssl.SSLContext
    stranger: ssl.SSLContext
    client: ssl.SSLContext


@cache
def authority() -> Authority:
    """The run's authority, with a certificate for every host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of tests")])
    root = _certificate(name, name, key, key, [], is_authority=True)
    client = ssl.create_default_context(cadata=root.public_bytes(Encoding.PEM).decode())
    return Authority(_server_context(name, key, HOSTS), _server_context(name, key, ["somebody.example"]), client)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: Any, signing_key: Any, hosts: Any, *, is_authority: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in hosts]), False)
    return builder.sign(signing_key, hashes.SHA256())


def _server_context(issuer: x509.Name, signing_key: Any, hosts: Any) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    certificate = _certificate(subject, issuer, key, signing_key, hosts, is_authority=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context.load_cert_chain(path)
    return context


@asynccontextmanager
async def elsewhere(world: Elsewhere | None = None) -> AsyncIterator[Elsewhere]:
    """Every host of `HOSTS` on one port of loopback, and `STRANGER` with the wrong certificate."""
    world = world or Elsewhere()
    context = authority().server
    context.sni_callback = lambda one, name, _: setattr(  # type: ignore[assignment]
        one, "context", authority().stranger if name == STRANGER else authority().server
    )
    server = await asyncio.start_server(world.serve, "127.0.0.1", 0, ssl=context)
    world.port = server.sockets[0].getsockname()[1]
    try:
        yield world
    finally:
        server.close()
