"""Answers about status lists, in every form that they have."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from registry.http.answers import Answer


class AddedListsAnswer(Answer):
    """The lists of one purpose, one for each of the issuer's sets."""

    status_purpose: str
    status_lists: list[str]
    position: str


class ListSetAnswer(Answer):
    """A set of lists that share one index space."""

    id: str
    issuer: str
    size: int
    open: bool
    status_lists: list[dict[str, Any]]


class ListSetsAnswer(Answer):
    """An issuer's sets, oldest first."""

    sets: list[ListSetAnswer]
    own_lists: list[dict[str, Any]]


class OwnListAnswer(Answer):
    """A list whose indices the issuer gives out itself, as it was published first."""

    id: str
    verifiable_credential: dict[str, Any]
    position: str


class StatusListAnswer(Answer):
    """A BitstringStatusListCredential (Bitstring Status List 1.0, section 2.3)."""

    context: list[str] = Field(alias="@context")
    id: str
    type: list[str]
    issuer: str
    valid_from: str
    valid_until: str
    credential_subject: dict[str, Any]
    proof: dict[str, Any]


class RevokedCredentialAnswer(Answer):
    """A revoked credential (1EdTech Revocation List Status Method 1.0)."""

    id: str
    revoked: bool
    revocation_reason: str | None = None


class RevocationsAnswer(Answer):
    """An issuer's revoked credentials, under both names that verifiers look for."""

    id: str
    issuer: str
    revoked_credential: list[RevokedCredentialAnswer]
    revoked_credentials: list[RevokedCredentialAnswer]


class RevocationListAnswer(Answer):
    """A RevocationList of Open Badges 2.0; an entry is an id, or an object with the reason beside it."""

    context: str = Field(alias="@context")
    type: str
    id: str
    issuer: str
    revoked_assertions: list[str | dict[str, str]]


class AggregationAnswer(Answer):
    """A page of an issuer's Token Status Lists (IETF Token Status List, section 9.3)."""

    status_lists: list[str] = Field(alias="status_lists")
    next: str | None = None
