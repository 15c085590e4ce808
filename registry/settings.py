"""The environment → one frozen settings object. Every bound has its default here; no secret is ever guessed."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from registry.domain.names import LogName, Slug, log_name, slug
from registry.domain.status_list import MINIMUM_SIZE
from registry.errors import Malformed, SettingsRefused

DsnText = SecretStr
"""A DSN may hold a password: never shown by `repr`."""


def default_home() -> Path:
    """The user's data directory; for root the system's."""
    if os.geteuid() == 0:
        return Path("/var/lib/registry")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "registry"


class Settings(BaseSettings):
    """Everything that can be set, as `REGISTRY_<NAME>`; the README's table is generated from the descriptions."""

    model_config = SettingsConfigDict(
        env_prefix="REGISTRY_", env_ignore_empty=True, frozen=True, extra="ignore", str_strip_whitespace=True
    )

    home: Path = Field(default_factory=default_home, description="where keys, heads and the embedded database live")
    logs: Annotated[str, NoDecode] = Field(
        "", description="the logs and their public origins: main=https://registry.example,other=https://…"
    )
    host: str = Field("127.0.0.1", description="address the service listens on")
    port: int = Field(8080, ge=1, le=65535, description="port the service listens on")
    workers: int = Field(
        1, ge=1, le=64, description="processes that serve; with more than one, one more writes the logs for all"
    )
    metrics_host: str = Field("127.0.0.1", description="address of the metrics")
    metrics_port: int = Field(9464, ge=0, le=65535, description="port of the metrics; 0 chooses a free one")

    database_url: DsnText | None = Field(None, description="PostgreSQL, as registry_writer; unset: embedded (dev only)")
    read_database_url: DsnText | None = Field(None, description="for lookups, may be a standby; default: database_url")
    direct_database_url: DsnText | None = Field(
        None, description="past any pooler, for LISTEN and leases; default: database_url"
    )
    projector_database_url: DsnText | None = Field(None, description="as registry_projector, for `registry project`")
    owner_database_url: DsnText | None = Field(None, description="as registry_owner, for `registry init` and `migrate`")
    statement_cache_size: int = Field(1024, ge=0, description="0 behind a transaction-pooling pgbouncer before 1.21")
    pool_size: int = Field(8, ge=2, description="connections of the lookup pool")
    pg_bindir: Path | None = Field(None, description="bin directory of the embedded PostgreSQL")
    connect_timeout_s: float = Field(5, gt=0, description="connecting to PostgreSQL")
    command_timeout_s: float = Field(10, gt=0, description="one command, as the client counts")
    statement_timeout_s: float = Field(8, gt=0, description="one statement, as PostgreSQL counts")
    lock_timeout_s: float = Field(4, gt=0, description="waiting for a lock")

    env: str = Field("live", pattern=r"^[a-z][a-z0-9]{0,11}$", description="the word in API keys: reg_<env>_…")
    master_key_file: Path | None = Field(
        None, description="master keys, one `id:base64` a line; default: keys/master.key in home"
    )
    master_keys: SecretStr | None = Field(None, description="the same lines in the environment, instead of a file")
    contexts: Path | None = Field(None, description="folder of further JSON-LD contexts, with its contexts.json")
    published_heads: Path | None = Field(
        None, description="folder outside the database that remembers what was published; default: published in home"
    )

    files: str = Field(
        "",
        description="where published lists lie as files, too: a directory, or s3://bucket/prefix, gs://…, az://… "
        "(credentials as the provider's own tools find them); empty: nowhere",
    )
    files_check_s: float = Field(600, gt=0, description="in which time every such file is compared once, and repaired")

    tick_s: float = Field(15, gt=0, description="how often changed lists are published")
    ttl_s: float = Field(60, gt=0, description="how long a verifier may keep a list")
    validity_s: float = Field(43_200, gt=0, le=86_400, description="how long a signed list is valid")
    resign_at: float = Field(0.5, gt=0, lt=1, description="share of the validity after which a list is signed again")
    list_size: int = Field(MINIMUM_SIZE, ge=MINIMUM_SIZE, le=1 << 26, description="entries of a status list")

    queue_size: int = Field(10_000, ge=1, description="writes that may wait before 503")
    canonicaliser_workers: int = Field(0, ge=0, le=64, description="processes that read foreign documents; 0: by cores")
    verifier_workers: int = Field(1, ge=1, le=64, description="processes that read what is presented for verification")
    canonicalise_timeout_s: float = Field(
        5, gt=0, description="time for one document before its process is killed; half of it for what is presented"
    )
    body_limit_bytes: int = Field(64 * 1024, ge=1024, description="request body, unless another limit holds")
    document_limit_bytes: int = Field(1024 * 1024, ge=1024, le=10 * 1024 * 1024, description="body with a credential")
    lookups_limit_bytes: int = Field(2 * 1024 * 1024, ge=1024, description="body of /status-lookups")
    body_timeout_s: float = Field(10, gt=0, description="time to send a body before 408")
    write_quota_per_s: float = Field(500, gt=0, description="writes a second and key, on average")
    write_burst: int = Field(5_000, ge=1, description="writes a key may save up")
    read_quota_per_s: float = Field(2_000, gt=0, description="reads and refused keys a second and address, on average")
    read_burst: int = Field(20_000, ge=1, description="reads an address may save up")
    verify_quota_per_s: float = Field(50, gt=0, description="verifications a second and address, on average")
    verify_burst: int = Field(500, ge=1, description="verifications an address may save up")
    verify_timeout_s: float = Field(20, gt=0, description="one verification, what it fetches included, before 503")
    verify_at_once: int = Field(16, ge=1, le=1024, description="verifications under way at the same time")
    history: bool = Field(True, description="whether lists and statuses are told as they stood at an earlier moment")
    history_memory_bytes: int = Field(32 * 1024 * 1024, ge=1024 * 1024, description="past lists kept in memory")
    list_memory_bytes: int = Field(128 * 1024 * 1024, ge=1024 * 1024, description="published lists kept in memory")
    trusted_proxies: Annotated[str, NoDecode] = Field(
        "", description="networks whose X-Forwarded-For is believed, for quotas: 10.0.0.0/8,127.0.0.1"
    )
    fetch: bool = Field(True, description="off: nothing is fetched from elsewhere, and what needs it is unverifiable")
    fetch_private_hosts: Annotated[str, NoDecode] = Field(
        "", description="https hosts that may lie in a private network: lists.agency.internal,10.1.2.3:9443"
    )
    fetch_timeout_s: float = Field(5, gt=0, le=60, description="one document from elsewhere, from request to last byte")
    fetch_at_once: int = Field(32, ge=1, le=1024, description="documents fetched from elsewhere at the same time")
    remote_memory_bytes: int = Field(64 * 1024 * 1024, ge=1024 * 1024, description="foreign lists kept in memory")
    visibility_wait_s: float = Field(2, ge=0, description="how long a read waits for its Registry-Position")
    drain_s: float = Field(0, ge=0, description="time between /readyz turning 503 and the sockets closing")
    shutdown_s: float = Field(3, gt=0, description="time for open requests when stopping")

    dcc_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="port of a listener that speaks the Digital Credentials Consortium's status service, which knows "
        "no authentication; unset: none",
    )
    dcc_host: str = Field("127.0.0.1", description="address of that listener; elsewhere: with dcc_token or dcc_open")
    dcc_issuer: str = Field("", description="the issuer it speaks for: its slug, or log/slug where there are more logs")
    dcc_token: SecretStr | None = Field(None, description="Bearer token that its POSTs must carry; a proxy adds it")
    dcc_open: bool = Field(
        False, description="the operator's word that only trusted callers reach dcc_host: they may register and revoke"
    )

    @model_validator(mode="after")
    def _dcc_is_guarded(self) -> Self:
        if self.dcc_port is None:
            return self
        if not self.dcc_issuer:
            raise ValueError("REGISTRY_DCC_PORT is set, but not REGISTRY_DCC_ISSUER: name the issuer it speaks for")
        if not _is_loopback(self.dcc_host) and self.dcc_token is None and not self.dcc_open:
            raise ValueError(
                f"REGISTRY_DCC_HOST: {self.dcc_host} is no loopback address, and whoever reaches it may register and "
                "revoke. Set REGISTRY_DCC_TOKEN, or REGISTRY_DCC_OPEN=true if its network admits nobody else"
            )
        return self

    @model_validator(mode="after")
    def _timings_agree(self) -> Self:
        if self.tick_s >= self.ttl_s:
            raise ValueError(
                f"REGISTRY_TICK_S ({self.tick_s:g} s) must be shorter than REGISTRY_TTL_S ({self.ttl_s:g} s): "
                "a verifier keeps a list for the ttl, and would miss a publication"
            )
        if self.ttl_s >= self.validity_s * (1 - self.resign_at):
            raise ValueError(
                f"REGISTRY_TTL_S ({self.ttl_s:g} s) must be shorter than what is left of REGISTRY_VALIDITY_S when a "
                "list is signed again"
            )
        return self

    @property
    def origins(self) -> dict[LogName, str]:
        """Every log's public origin; by default one log, `main`, on this service's own address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        given = (self.logs or f"main=http://{host}:{self.port}").split(",")
        origins = dict(_log_and_origin(entry) for entry in given)
        if len(origins) < len(given) or len(set(origins.values())) < len(given):
            raise ValueError("a log or an origin stands twice; every log has one origin of its own")
        return origins

    @property
    def dcc_tenant(self) -> tuple[LogName, Slug] | None:
        """Whom the status service of the Digital Credentials Consortium is spoken for; None: it is not."""
        if self.dcc_port is None:
            return None
        *named, name = self.dcc_issuer.split("/")
        logs = [log for log in self.origins if [log] == named] if named else list(self.origins)
        if len(logs) != 1:
            raise ValueError(f"write log/slug; the logs are {', '.join(self.origins)}")
        return logs[0], slug(name)

    @property
    def proxies(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """The networks of the proxies in front."""
        return tuple(ipaddress.ip_network(one.strip()) for one in self.trusted_proxies.split(",") if one.strip())

    @property
    def private_hosts(self) -> frozenset[str]:
        """The hosts (`host`, or `host:port`) that may be fetched from in a private network."""
        hosts = frozenset(one.strip().lower() for one in self.fetch_private_hosts.split(",") if one.strip())
        if wrong := [one for one in sorted(hosts) if not re.fullmatch(r"[a-z0-9.-]+(:[0-9]{1,5})?", one)]:
            raise ValueError(f"{wrong[0]!r} is no host; write host or host:port, without https:// and path")
        return hosts

    @property
    def master_key_path(self) -> Path:
        """The file of the master keys."""
        return self.master_key_file or self.home / "keys" / "master.key"

    @property
    def heads_path(self) -> Path:
        """The folder that remembers what was published."""
        return self.published_heads or self.home / "published"


def load(**overrides: Any) -> Settings:
    """Return the environment's settings with *overrides*; raise `SettingsRefused` naming each one that is wrong."""
    try:
        settings = Settings(**overrides)
        _ = settings.origins
    except ValidationError as error:
        raise SettingsRefused("; ".join(_sentence(one) for one in error.errors())) from error
    except (ValueError, Malformed) as error:
        raise SettingsRefused(f"REGISTRY_LOGS: {error}") from error
    try:
        _ = settings.dcc_tenant
    except (ValueError, Malformed) as error:
        raise SettingsRefused(f"REGISTRY_DCC_ISSUER: {error}") from error
    try:
        _ = settings.proxies
    except ValueError as error:
        raise SettingsRefused(f"REGISTRY_TRUSTED_PROXIES: {error}") from error
    try:
        _ = settings.private_hosts
    except ValueError as error:
        raise SettingsRefused(f"REGISTRY_FETCH_PRIVATE_HOSTS: {error}") from error
    return settings


def _log_and_origin(entry: str) -> tuple[LogName, str]:
    name, _, origin = entry.strip().partition("=")
    return log_name(name), _origin(origin)


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or text != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(f"{text!r} is no origin; write https://host or https://host:port, without a path")
    if parts.username or not re.fullmatch(r"[A-Za-z0-9.:\-\[\]]+", parts.netloc):
        raise ValueError(f"{text!r} is no origin; it holds only a host and perhaps a port")
    if text != text.lower() or parts.port == {"http": 80, "https": 443}[parts.scheme]:
        raise ValueError(f"{text!r} is no origin as clients say it: in lower case, without the port that is understood")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError(f"{text!r} is public; a public origin begins with https://")
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _sentence(error: Any) -> str:
    where = "_".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "bool_parsing":
        message = "write true or false"
    return f"REGISTRY_{where.upper()}: {message}" if where else message


DEMO_VARIABLES = frozenset({"REGISTRY_URL", "REGISTRY_OPERATOR_KEY", "REGISTRY_ISSUER", "REGISTRY_ISSUER_KEY"})
"""What `registry dev` writes into demo.env, for those who export it."""


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Return a sentence for every variable of *environment* that looks like a setting and is none."""
    known = {f"REGISTRY_{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(one for one in environment if one.startswith("REGISTRY_") and one not in known | DEMO_VARIABLES)
    return [_not_a_setting(one, known) for one in unknown]


def _not_a_setting(name: str, known: Iterable[str]) -> str:
    meant = get_close_matches(name, sorted(known), 1, cutoff=0.75)
    hint = f"do you mean {meant[0]}?" if meant else "`registry settings` lists them all."
    return f"{name} is no setting, and changes nothing; {hint}"


def table() -> str:
    """Return every setting as a Markdown table; the README holds exactly this text, and a test compares them."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = f"`{field.default}`" if field.default not in (None, "") and not field.default_factory else ""
        lines.append(f"| `REGISTRY_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)
