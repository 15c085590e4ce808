"""Request bodies: strict types, no member that is not known; W3C camelCase outside, snake_case inside."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from registry.domain.events import IssuerKind, Reason, StatusProfile
from registry.domain.mechanisms import DEFAULT_MECHANISMS, EMBEDDED, Mechanism
from registry.errors import Malformed
from registry.http import documents
from registry.http.faults import faults
from registry.http.fields import (
    AnyReason,
    ChoiceOfDid,
    CredentialIdText,
    DidToAdopt,
    FinalReason,
    Identifiers,
    Iri,
    Jurisdiction,
    KeyAlgorithms,
    Kind,
    LegacyLists,
    Line,
    Mechanisms,
    Moment,
    Profile,
    Slug,
    StatusText,
    Web,
)
from registry.strict_json import loads

MAX_ERRORS = 20
"""Faults of one body that are told at once."""


class Body(BaseModel):
    """A request's body; a member that is not known is refused, because it would be ignored silently."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=False,
        validate_by_alias=True,
    )

    document_member: ClassVar[str | None] = None
    """The member that holds a JSON-LD document, where a body is little more than that."""

    is_repeated: ClassVar[bool] = False
    """Whether the same few bytes come again and again; such a body has nothing in it that could be changed."""

    @classmethod
    def document_type(cls) -> str | None:
        """The media type under which that document may be sent as it is."""
        if cls.document_member is None:
            return None
        return "application/vp" if cls.document_member == "verifiablePresentation" else "application/vc"


AnyBody = TypeVar("AnyBody", bound=Body)


SHORT_BYTES: Final = 256
"""A repeated body up to which the outcome is remembered: reading one depends on nothing but its bytes."""
LONG_BYTES: Final = 128 * 1024
"""A body from which on it is read beside the event loop: written with spaces, a mebibyte takes 30 ms."""


async def read_beside(model: type[AnyBody], data: bytes, *, is_document: bool = False) -> AnyBody:
    """Return and raise what `read` does; a long body is read in a thread, so that others are answered meanwhile."""
    if len(data) > LONG_BYTES:
        return await asyncio.to_thread(read, model, data, is_document=is_document)
    if model.is_repeated and len(data) <= SHORT_BYTES:
        return cast("AnyBody", _read_before(model, data))
    return read(model, data, is_document=is_document)


@lru_cache(maxsize=1_024)  # issuers revoke by the thousand, with the same few words
def _read_before(model: type[Body], data: bytes) -> Body:
    return read(model, data)


def read(model: type[AnyBody], data: bytes, *, is_document: bool = False) -> AnyBody:
    """Return *data* as *model*; raise `Malformed` naming each fault by its JSON pointer (RFC 6901).

    With *is_document* (as its media type tells) it may also be what belongs into the model's `document_member`.
    """
    value = loads(data)
    if not isinstance(value, dict):
        raise Malformed("The body is a JSON object.")
    is_bare = model.document_member is not None and "@context" in value
    if is_bare and is_document:
        value = {model.document_member: value}
    try:
        return validated(model, value)
    except Malformed:
        if is_bare and not is_document:
            raise Malformed(_BARE.format(member=model.document_member, media_type=model.document_type())) from None
        raise


def validated(model: type[AnyBody], value: dict[str, Any], what: str = "The body") -> AnyBody:
    """Return *value* as *model*; raise `Malformed` naming each fault of *what* by its JSON pointer."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = faults(model, value, error.errors(include_url=False, include_input=False)[:MAX_ERRORS])
        first = found[0]
        raise Malformed(f"{first['pointer'] or what}: {first['detail']}", errors=found) from None


_BARE: Final = 'This is the document itself; send it as {{"{member}": …}}, or as it is with Content-Type: {media_type}.'


class RevocationBody(Body):
    """PUT …/revocation."""

    is_repeated = True
    reason: FinalReason = Reason.UNSPECIFIED
    effective_at: Moment | None = None


class SuspensionBody(Body):
    """PUT …/suspension."""

    is_repeated = True
    reason: AnyReason = Reason.UNSPECIFIED
    effective_at: Moment | None = None


class SupersessionBody(Body):
    """PUT …/supersession."""

    by: CredentialIdText
    reason: FinalReason = Reason.SUPERSEDED
    revoke: bool = False
    effective_at: Moment | None = None


class MessageBody(Body):
    """PUT …/message."""

    status: StatusText


class StatusReference(Body):
    """The `credentialStatus` of a VCALM status change: which bit is meant."""

    model_config = ConfigDict(extra="ignore")

    id: str | None = None
    type: Literal["BitstringStatusListEntry", "BitstringStatusList"]
    """The entry's; VCALM's own examples write the list's."""
    status_purpose: Literal["revocation", "suspension", "refresh", "message"]
    status_list_index: str | None = None
    status_list_credential: str | None = None


class StatusBody(Body):
    """POST …/credentials/status (VCALM, update status)."""

    credential_id: CredentialIdText
    credential_status: StatusReference
    status: bool | StatusText
    """Of a message entry its value, `0x…`."""
    index_allocator: str | None = None


class IssueOptions(Body):
    """How a credential is to be secured, among what the issuer allows; other members of VCALM's are passed over."""

    model_config = ConfigDict(extra="ignore")

    mechanism: Annotated[str, Field(examples=list(Mechanism))] | None = None
    cryptosuite: Annotated[str, Field(examples=sorted(EMBEDDED))] | None = None
    media_type: Annotated[str, Field(examples=["application/vc", "application/vc+jwt"])] | None = None


class IssueBody(Body):
    """POST …/credentials/issue (VCALM, issue credential)."""

    document_member = "credential"

    credential: dict[str, Any]
    options: IssueOptions = IssueOptions()


class RegistrationBody(Body):
    """POST …/credentials: the unsigned credential, or only what is recorded of it."""

    document_member = "credential"

    credential: dict[str, Any] | None = None
    credential_id: CredentialIdText | None = None
    type: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=documents.MAX_TYPE_CHARACTERS)]],
            Field(min_length=1, max_length=documents.MAX_TYPES),
        ]
        | None
    ) = None
    valid_from: str | None = None
    valid_until: str | None = None
    achievement: Iri | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.credential is not None and self.model_fields_set != {"credential"}:
            raise PydanticCustomError("form", "Send either `credential` alone, or `type` and what goes with it.")
        if self.credential is None and self.type is None:
            raise PydanticCustomError("form", "Send the unsigned `credential`, or at least its `type`.")
        return self


class IssuerBody(Body):
    """POST /issuers."""

    slug: Slug
    name: Line
    kind: Kind
    jurisdiction: Jurisdiction
    legal_name: Line | None = None
    url: Web | None = None
    logo: Web | None = None
    identifiers: Identifiers = Field(default_factory=dict)
    status_profile: Profile = StatusProfile.VC2
    public_reasons: bool = False
    mechanisms: Mechanisms = list(DEFAULT_MECHANISMS)
    key_algorithms: KeyAlgorithms = []
    did: ChoiceOfDid | None = None


class DidBody(Body):
    """PUT /issuers/{slug}/did: a DID that is controlled elsewhere, or `web`; without one, that which was proposed."""

    did: DidToAdopt | None = None


class RotationBody(Body):
    """POST /issuers/{slug}/keys/rotation."""

    method: Annotated[str, Field(max_length=1200)] | None = None
    """The verification method to rotate; by default every one that signs now."""
    compromised_since: Moment | None = None


class IssuerChangesBody(Body):
    """PATCH /issuers/{slug}: what is given changes; null empties what may be empty."""

    name: Line = ""
    kind: Kind = IssuerKind.SCHOOL
    jurisdiction: Jurisdiction = ""
    legal_name: Line | None = None
    url: Web | None = None
    logo: Web | None = None
    identifiers: Identifiers = Field(default_factory=dict)
    status_profile: Profile = StatusProfile.VC2
    public_reasons: bool = False
    legacy_lists: LegacyLists = Field(default_factory=list)
    mechanisms: Mechanisms = list(DEFAULT_MECHANISMS)
    key_algorithms: KeyAlgorithms = []

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("form", "Name at least one member to change.")
        return self


class ReasonBody(Body):
    """PUT /issuers/{slug}/suspension and …/withdrawal."""

    reason: AnyReason = Reason.UNSPECIFIED


class ApiKeyBody(Body):
    """POST /issuers/{slug}/api-keys."""

    name: Line
    scopes: Annotated[list[str], Field(min_length=1, max_length=8)] | None = None
    expires: Moment | None = None


class LookupQuery(Body):
    """One question of POST /status-lookups: a credential, or a bit."""

    credential_id: str | None = None
    issuer: str | None = None
    status_list_credential: str | None = None
    status_list_index: str | int | None = None


class LookupsBody(Body):
    """POST /status-lookups; read by `registry.http.lookups` without pydantic, for speed."""

    queries: list[LookupQuery]
