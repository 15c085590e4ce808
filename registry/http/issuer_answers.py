"""Answers about issuers: the directory, their keys, and the keys of the interface."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from registry.http.answers import Answer


class DirectoryAnswer(Answer):
    """An issuer, as the directory shows it."""

    slug: str
    id: str
    name: str
    legal_name: str | None
    url: str | None
    logo: str | None
    kind: str
    jurisdiction: str
    identifiers: dict[str, str]
    status: str
    since: str


class OneIssuerAnswer(DirectoryAnswer):
    """An issuer, with where its Token Status Lists are listed."""

    status_list_aggregation_endpoint: str = Field(alias="status_list_aggregation_endpoint")


class IssuerAnswer(DirectoryAnswer):
    """An issuer after a write."""

    status_profile: str
    public_reasons: bool
    mechanisms: list[str]
    key_algorithms: list[str]
    legacy_lists: list[str]
    delegation: dict[str, Any] | None = None
    position: str


class IssuersAnswer(Answer):
    """A page of the directory."""

    issuers: list[DirectoryAnswer]
    next: str | None = None


class ControllerDocumentAnswer(Answer):
    """A controller document (Controlled Identifiers 1.0)."""

    id: str
    verification_method: list[dict[str, Any]]
    assertion_method: list[str]


class KeyAnswer(Answer):
    """A verification method; `until`: when it was retired, or from when on what it signed does not count."""

    id: str
    controller: str
    public_key_multibase: str
    algorithm: str | None
    state: str
    since: str
    until: str | None


class KeysAnswer(Answer):
    """Every key of an issuer, oldest first."""

    slug: str
    id: str
    keys: list[KeyAnswer]


class DoubtfulCredential(Answer):
    """A credential that a compromised key secured at or after its cut-off."""

    credential_id: str
    verification_method: str
    created: str
    digest_sha256: str
    position: str


class DoubtfulAnswer(Answer):
    """A page of them; one may be empty and have a next one."""

    credentials: list[DoubtfulCredential]
    next: str | None = None


class ApiKeyAnswer(Answer):
    """A key that was just made; `key` is shown this once."""

    id: str
    key: str
    position: str


class ApiKeyRevokedAnswer(Answer):
    """A key that may not speak any more."""

    id: str
    position: str


class ListedApiKey(Answer):
    """A key, without its secret."""

    id: str
    name: str
    scopes: list[str]
    created: str
    expires: str | None
    revoked: str | None
    last_used: str | None
    live: bool


class ApiKeysAnswer(Answer):
    """Every key there ever was."""

    api_keys: list[ListedApiKey]
