"""`registry dev`: everything in one process on this machine, with a demo authority and issuer. For trying things out.

All of it lives under one home; removing that folder removes every trace.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from projections.catalog import PROJECTIONS
from registry import embedded
from registry.app import Opened, Process
from registry.commands.idempotency import system
from registry.deployment import EMBEDDED_DATABASE, refusals, with_embedded
from registry.domain.events import IssuerKind, IssuerProfile, StatusProfile
from registry.domain.names import LogName, Slug
from registry.errors import EmbeddedFailed, Refused, SettingsRefused, SlugTaken, Unauthenticated, Unavailable
from registry.lifetime import Databases
from registry.log.append import open_log
from registry.log.connection import connect
from registry.log.migrate import migrate
from registry.settings import Settings, unknown_variables
from registry.vault.master import MasterKeys
from registry.wiring import utc_now

DEMO_SLUG = Slug("demo-college")
READY_S = 60
POLL_S = 0.05
LOG = LogName("main")

Say = Callable[[str], None]


def defaults() -> dict[str, Any]:
    """Return settings that suit trying things out, where the environment says nothing."""
    chosen: dict[str, Any] = {} if "REGISTRY_ENV" in os.environ else {"env": "dev"}
    if not {"REGISTRY_TICK_S", "REGISTRY_TTL_S"} & os.environ.keys():  # they depend on each other
        chosen |= {"tick_s": 1, "ttl_s": 5}
    return chosen


@dataclass(frozen=True, slots=True)
class Demo:
    """What a script needs to try the service; `demo.env` in the home."""

    url: str
    operator_key: str
    issuer: str
    issuer_key: str

    def write(self, path: Path) -> None:
        """Write it as lines a shell can source, readable by the owner only, whole or not at all."""
        lines = {
            "REGISTRY_URL": self.url,
            "REGISTRY_OPERATOR_KEY": self.operator_key,
            "REGISTRY_ISSUER": self.issuer,
            "REGISTRY_ISSUER_KEY": self.issuer_key,
        }
        beside = path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{name}={shlex.quote(value)}\n" for name, value in lines.items())
        beside.replace(path)

    @classmethod
    def read(cls, path: Path) -> Demo | None:
        """Return what an earlier start left, or None."""
        try:
            words = shlex.split(path.read_text(encoding="utf-8"))
            given = dict(word.split("=", 1) for word in words)
            return cls(
                given["REGISTRY_URL"],
                given["REGISTRY_OPERATOR_KEY"],
                given["REGISTRY_ISSUER"],
                given["REGISTRY_ISSUER_KEY"],
            )
        except (OSError, KeyError, ValueError):
            return None


@asynccontextmanager
async def database(
    settings: Settings, say: Say, on_failure: Callable[[EmbeddedFailed], None]
) -> AsyncIterator[Settings]:
    """Run the embedded PostgreSQL with the schema in place; yield *settings* that name it.

    *on_failure* is told when the server dies later and cannot be started again.
    """
    bindir = embedded.find_bindir(settings.pg_bindir)
    say(f"PostgreSQL   from {bindir}")
    async with embedded.running(settings.home, bindir=bindir, on_failure=on_failure) as server:
        await embedded.ensure_database(server, EMBEDDED_DATABASE)
        named = with_embedded(settings, server)
        applied = await migrate(_owner(named))
        say(f"database     {'migrated: ' + ', '.join(applied) if applied else 'up to date'}")
        yield named


def _owner(settings: Settings) -> str:
    assert settings.owner_database_url is not None, "the embedded database is named"
    return settings.owner_database_url.get_secret_value()


async def prepare(settings: Settings, say: Say) -> None:
    """Make the master key and open the logs, where they are missing."""
    if not settings.master_key_path.exists():
        MasterKeys.generate_file(settings.master_key_path)
        say(f"master key   made: {settings.master_key_path}")
    conn = await connect(_owner(settings))
    try:
        for log, origin in settings.origins.items():
            if await open_log(conn, log, origin, utc_now()):
                say(f"log          {log} opened for {origin}")
    finally:
        await conn.close()


async def demo(service: Opened, settings: Settings) -> Demo:
    """Return the demo's keys: those of an earlier start if they still hold, else new ones."""
    path = settings.home / "demo.env"
    url = settings.origins[LOG]
    known = Demo.read(path)
    if known is None or not await _holds(service, known):
        known = await _make(service, url)
    await _ready_to_issue(service, Slug(known.issuer))
    current = Demo(url, known.operator_key, known.issuer, known.issuer_key)
    current.write(path)
    return current


async def _ready_to_issue(service: Opened, issuer: Slug) -> None:
    """Return when the issuer's lists are published and lookups answer, so that what is printed works at once."""
    commands, lists, progress = service.commands, service.lists, service.progress
    assert commands is not None, "the process serves"
    assert lists is not None, "the process serves"
    assert progress is not None, "the process serves"
    deadline = asyncio.get_running_loop().time() + READY_S
    while True:
        try:
            await lists.prepare(LOG, await commands.issuer_id(LOG, issuer))
            for projection in PROJECTIONS:
                await progress.reach(LOG, projection.name, 1, timeout_s=1)
        except Unavailable:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(POLL_S)
        except Refused:
            return  # somebody withdrew the demo issuer; the rest works
        else:
            return


async def _holds(service: Opened, known: Demo) -> bool:
    assert service.api_keys is not None, "the process serves"
    try:
        for key in (known.operator_key, known.issuer_key):
            await service.api_keys.check(LOG, key)
    except Unauthenticated:
        return False
    return True


async def _make(service: Opened, url: str) -> Demo:
    """Register the demo issuer and make both keys; an issuer that is there already keeps its credentials."""
    commands, keys = service.commands, service.keys
    assert commands is not None, "the process serves"
    assert keys is not None, "the process serves"
    asked = system(LOG, "dev")
    profile = IssuerProfile(
        name="Demo College", kind=IssuerKind.SCHOOL, jurisdiction="US-CO", url="https://example.edu"
    )
    try:
        await commands.register_issuer(
            asked,
            name=DEMO_SLUG,
            profile=profile,
            status_profile=StatusProfile.VC2,
            public_reasons=False,
            did_method="key",
        )
    except SlugTaken:
        await _end_old_keys(service)
    issuer_id = await commands.issuer_id(LOG, DEMO_SLUG)
    _, operator_key = await keys.create(asked, None, name="demo operator", scopes=None, expires=None)
    _, issuer_key = await keys.create(asked, issuer_id, name="demo issuer", scopes=None, expires=None)
    return Demo(url, operator_key, DEMO_SLUG, issuer_key)


async def _end_old_keys(service: Opened) -> None:
    """Revoke the demo issuer's keys: their text was lost with demo.env, and two live ones are all it may have."""
    assert service.commands is not None, "the process serves"
    assert service.keys is not None, "the process serves"
    issuer_id = await service.commands.issuer_id(LOG, DEMO_SLUG)
    for listed in await service.keys.list(LOG, issuer_id):
        if listed.facts.is_live(utc_now()):
            await service.keys.revoke(system(LOG, "dev"), issuer_id, listed.facts.created.key_id)


@dataclass(frozen=True, slots=True)
class Development:
    """What runs: its demo, and `failed`, which never returns but raises `RegistryError` when it cannot go on."""

    demo: Demo
    metrics_port: int
    failed: Callable[[], Awaitable[None]]


@asynccontextmanager
async def running(settings: Settings, say: Say) -> AsyncIterator[Development]:
    """Run the whole registry on this machine until the block is left."""
    _require_own(settings)
    process: Process | None = None

    def lose(failure: EmbeddedFailed) -> None:
        if process is not None:  # before, whoever asks the database hears that it is gone
            process.life.fail(failure)

    for sentence in unknown_variables(os.environ):
        say(f"warning: {sentence}")
    say(f"home         {settings.home}")
    with refusals():
        async with database(settings, say, lose) as settings:
            await prepare(settings, say)
            process = Process(settings, Databases.of(settings), door=True, projecting=True)
            async with process.running() as service:
                yield Development(await demo(service, settings), service.metrics_port, process.life.failed)


def _require_own(settings: Settings) -> None:
    """Raise `SettingsRefused` for settings of another kind of deployment."""
    if LOG not in settings.origins:
        raise SettingsRefused("REGISTRY_LOGS: `registry dev` needs a log named main; name one, or leave it unset.")
    for name in ("database_url", "read_database_url", "direct_database_url", "projector_database_url"):
        if getattr(settings, name) is not None:
            raise SettingsRefused(
                f"REGISTRY_{name.upper()} is set, but `registry dev` runs a PostgreSQL of its own: unset it, "
                "or use `registry serve` and `registry project`."
            )


def summary(demo: Demo, settings: Settings, metrics_port: int) -> list[str]:
    """Return what a person wants to know of a registry that is up, as lines for a terminal."""
    return [
        f"service      {demo.url}",
        f"metrics      http://{settings.metrics_host}:{metrics_port}/metrics",
        *([] if settings.dcc_port is None else [_listener(settings)]),
        f"operator     key {demo.operator_key}",
        f"issuer       key {demo.issuer_key} ({demo.issuer})",
        next_steps(demo, settings.home),
        "Ctrl-C stops everything; the next start goes on from here.",
    ]


def _listener(settings: Settings) -> str:
    return f"DCC          http://{settings.dcc_host}:{settings.dcc_port} (status service for {settings.dcc_issuer})"


def next_steps(demo: Demo, home: Path) -> str:
    """What to try first, as lines for a terminal."""
    file = shlex.quote(str((home / "demo.env").absolute()))
    return f"""
The keys are in {file}. Try it, in another terminal:

  set -a; source {file}; set +a

  1  Issue a credential: it gets its status entries and a signature, and goes into a file:
     ID="urn:example:$(date +%s)"
     curl -sX POST $REGISTRY_URL/issuers/$REGISTRY_ISSUER/credentials/issue -o credential.json \\
       -H "Authorization: Bearer $REGISTRY_ISSUER_KEY" -H 'Content-Type: application/json' \\
       -d '{{"credential": {{"@context": ["https://www.w3.org/ns/credentials/v2"], "id": "'$ID'",
           "type": ["VerifiableCredential"], "credentialSubject": {{"name": "Ada"}}}}}}'
  2  Verify it, as anyone may: `verdict` is the word to act on. Lint says where it may fail elsewhere:
     curl -sX POST $REGISTRY_URL/credentials/verify -H 'Content-Type: application/json' -d @credential.json
     curl -sX POST $REGISTRY_URL/credentials/lint -H 'Content-Type: application/json' -d @credential.json
  3  Revoke it; ask where it stands, a moment later; verify it once more:
     curl -sX PUT $REGISTRY_URL/issuers/$REGISTRY_ISSUER/credentials/$ID/revocation \\
       -H "Authorization: Bearer $REGISTRY_ISSUER_KEY" -H 'Content-Type: application/json' \\
       -d '{{"reason": "issued-in-error"}}'
     sleep 2; curl -s "$REGISTRY_URL/credential-status?id=$ID"
     curl -sX POST $REGISTRY_URL/credentials/verify -H 'Content-Type: application/json' -d @credential.json
"""
