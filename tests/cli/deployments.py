"""A deployment for tests: its database and settings, an issuer in it, and a list as a verifier reads it."""

from __future__ import annotations

import asyncio
import base64
import gzip
import re
import subprocess
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg

from registry.embedded import Embedded
from tests.cli.processes import Answer, Running, ask, environment, eventually, run, running
from tests.service import free_port


@dataclass(frozen=True, slots=True)
class Deployment:
    """A database set up by `registry init`, its settings, and the first operator's key."""

    database: str
    superuser: str
    """The DSN of the server's superuser, in the database `postgres`."""
    environ: dict[str, str]
    operator_key: str
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environ['REGISTRY_PORT']}"

    def with_settings(self, **settings: object) -> dict[str, str]:
        return self.environ | {f"REGISTRY_{name}": str(value) for name, value in settings.items()}

    def run(self, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
        return run(self.with_settings(**settings), *arguments)

    def running(self, command: str) -> AbstractContextManager[Running]:
        return running(self.folder / f"{command}-{uuid4().hex[:6]}", self.environ, command)

    def as_superuser(self, *statements: str, database: str = "") -> list[asyncpg.Record]:
        """Run *statements* past everything that protects the log; return the rows of the last."""

        async def work() -> list[asyncpg.Record]:
            conn = await asyncpg.connect(self.superuser, database=database or self.database)
            try:
                rows: list[asyncpg.Record] = []
                for statement in statements:
                    rows = await conn.fetch(statement)
                return rows
            finally:
                await conn.close()

        return asyncio.run(work())


def set_up(server: Embedded, folder: Path, database: str) -> Deployment:
    users = {"DATABASE_URL": "writer", "PROJECTOR_DATABASE_URL": "projector", "OWNER_DATABASE_URL": "owner"}
    urls = {name: server.dsn(user=f"registry_{role}", database=database) for name, role in users.items()}
    port = free_port()
    ports = {"PORT": port, "METRICS_PORT": 0, "LOGS": f"main=http://127.0.0.1:{port}"}
    quick = {"CANONICALISER_WORKERS": 1, "TICK_S": 0.2, "TTL_S": 2}
    environ = environment(folder / "home", **urls, **ports, **quick)
    superuser = server.dsn(user="postgres", database="postgres")
    done = run(environ, "init", "--superuser-dsn", superuser, "--database", database, "--operator", "registrar")
    assert (done.returncode, done.stderr) == (0, ""), done
    [key] = re.findall(r"reg_live_\S+", done.stdout)
    return Deployment(database, superuser, environ, key, folder)


@dataclass(frozen=True, slots=True)
class School:
    """An issuer of a deployment, as its clients see it."""

    url: str
    key: str

    def register(self, credential_id: str) -> Answer:
        body = {"credentialId": credential_id, "type": ["VerifiableCredential"]}
        return ask("POST", f"{self.url}/issuers/school/credentials", key=self.key, body=body)

    def registered(self, credential_id: str) -> list[dict[str, str]]:
        """Register; return the status entries."""
        answer = eventually(lambda: good(self.register(credential_id)), what="a registration", limit_s=30)
        entries: list[dict[str, str]] = answer.body["credentialStatus"]
        return entries

    def revoke(self, credential_id: str) -> Answer:
        url = f"{self.url}/issuers/school/credentials/{credential_id}/revocation"
        return ask("PUT", url, key=self.key, body={"reason": "issued-in-error"})


def good(answer: Answer) -> Answer | None:
    return answer if answer.status < 300 else None


def school_in(deployment: Deployment) -> School:
    """Register an issuer, as the operator."""
    body = {"slug": "school", "name": "School", "kind": "school", "jurisdiction": "US-CO", "did": "key"}
    answer = ask("POST", f"{deployment.url}/issuers", key=deployment.operator_key, body=body)
    assert answer.status == 201, answer
    url = f"{deployment.url}/issuers/school/api-keys"
    key = ask("POST", url, key=deployment.operator_key, body={"name": "first"})
    assert key.status == 201, key
    return School(deployment.url, key.body["key"])


def bit(entry: dict[str, str]) -> bool:
    """Read the entry's bit as a verifier does: W3C Bitstring Status List v1.0, section 3.2."""
    index = int(entry["statusListIndex"])
    return bool(bits(entry)[index // 8] >> (7 - index % 8) & 1)


def revocation(entries: list[dict[str, str]]) -> dict[str, str]:
    return next(one for one in entries if one["statusPurpose"] == "revocation")


def up(serving: Running, projecting: Running) -> None:
    serving.until_it_says("serving on")
    projecting.until_it_says("projecting")


def bits(entry: dict[str, str]) -> bytes:
    """Return the list that *entry* is in: W3C Bitstring Status List v1.0, section 3.3."""
    encoded = ask("GET", entry["statusListCredential"]).body["credentialSubject"]["encodedList"]
    return gzip.decompress(base64.urlsafe_b64decode(encoded[1:] + "=" * (-len(encoded[1:]) % 4)))
