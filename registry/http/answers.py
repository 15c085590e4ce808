"""What answers look like, for `/openapi.json`; answers are built by hand, and a test holds the two together."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Answer(BaseModel):
    """A JSON answer; more members may come later, and clients ignore what they do not know."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow")


class AsOfAnswer(Answer):
    """Up to where an answer is known to be complete."""

    log: str
    position: int
    time: str


class IssuerReference(Answer):
    """An issuer, briefly."""

    id: str
    slug: str
    name: str


class CredentialAnswer(Answer):
    """Where a credential stands."""

    credential_id: str
    issuer: IssuerReference
    status: str
    reason: str | None = None
    since: str
    valid_from: str | None = None
    valid_until: str | None = None
    message: dict[str, str] | None = None
    """What its message entry says."""
    credential_status: dict[str, Any] | list[dict[str, Any]]
    status_claim: dict[str, Any] | None = None
    """The `status` claim of its JWT or CWT form."""
    as_of: AsOfAnswer


class OwnCredential(Answer):
    """One of the issuer's own credentials."""

    credential_id: str
    issuer: IssuerReference
    status: str
    reason: str | None = None
    since: str
    message: dict[str, str] | None = None
    credential_status: dict[str, Any] | list[dict[str, Any]]
    status_claim: dict[str, Any] | None = None
    superseded_by: str | None = None
    digest_sha256: str | None = None
    position: str


class CredentialsAnswer(Answer):
    """A page of an issuer's credentials."""

    credentials: list[OwnCredential]
    as_of: AsOfAnswer
    next: str | None = None


class EventAnswer(Answer):
    """One recorded fact."""

    position: str
    type: str
    recorded_at: str
    effective_at: str
    actor: str
    reason: str | None = None


class HistoryAnswer(Answer):
    """Every fact about one credential, oldest first."""

    credential_id: str
    events: list[EventAnswer]


class LookupResult(Answer):
    """A query with its answer.

    Of an entry it is `set`, `clear`, or `unknown`: there is no such list or index, or the list's last publication is
    no longer valid. Of a credential it is where that stands, or `unknown`, or `ambiguous`: name the issuer.
    """

    status: str
    status_purpose: str | None = None
    value: int | None = None


class LookupsAnswer(Answer):
    """The answers in the order of the queries."""

    as_of: AsOfAnswer
    results: list[LookupResult]


class RegistrationAnswer(Answer):
    """What the signer puts into the credential."""

    credential_id: str
    issuer: str
    credential_status: dict[str, Any] | list[dict[str, Any]]
    status: dict[str, Any] | None = None
    """For the credential's JWT or CWT form (Token Status List, section 6)."""
    position: str


class EmbeddedCredential(Answer):
    """A credential with its proof (Verifiable Credential Data Integrity 1.0)."""

    context: list[Any] = Field(alias="@context")
    id: str
    type: str | list[str]
    issuer: str | dict[str, Any]
    credential_subject: dict[str, Any] | list[dict[str, Any]]
    credential_status: dict[str, Any] | list[dict[str, Any]]
    proof: dict[str, Any]


class EnvelopedCredential(Answer):
    """A credential in a JWS or COSE_Sign1, which is the `data:` URL `id` (VCDM 2.0, section 4.13)."""

    model_config = ConfigDict(extra="forbid")

    context: Literal["https://www.w3.org/ns/credentials/v2"] = Field(alias="@context")
    id: str = Field(pattern="^data:application/vc[+](jwt,|cose;base64,)")
    type: Literal["EnvelopedVerifiableCredential"]


class IssuedAnswer(Answer):
    """The secured credential."""

    verifiable_credential: EmbeddedCredential | EnvelopedCredential


class StatusAnswer(Answer):
    """Where a credential stands after a write."""

    credential_id: str
    status: str
    position: str


class MessageAnswer(StatusAnswer):
    """A credential after its message was set."""

    message: dict[str, str]


class HealthAnswer(Answer):
    """A process that is well."""

    status: str


class ProblemAnswer(Answer):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str | None = None
    request_id: str | None = None


class KindAnswer(Answer):
    """What a kind of problem means."""

    type: str
    title: str
    status: int


class OpenApiAnswer(Answer):
    """An OpenAPI 3.1 document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
