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
    """A query with its answer."""

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


class IssuersAnswer(Answer):
    """A page of the directory."""

    issuers: list[DirectoryAnswer]
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


class ControllerDocumentAnswer(Answer):
    """A controller document (Controlled Identifiers 1.0)."""

    id: str
    verification_method: list[dict[str, Any]]
    assertion_method: list[str]


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
