"""What facts are made of: the words and objects inside events. They are stored with them, and read for ever."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticUndefined


class Reason(StrEnum):
    """Why a status changed; recorded always, public only where the issuer says so."""

    UNSPECIFIED = "unspecified"
    ISSUED_IN_ERROR = "issued-in-error"
    REQUIREMENTS_NOT_MET = "requirements-not-met"
    FRAUD = "fraud"
    HOLDER_REQUEST = "holder-request"
    SUPERSEDED = "superseded"
    KEY_COMPROMISE = "key-compromise"
    PRIVILEGE_WITHDRAWN = "privilege-withdrawn"
    INVESTIGATION = "investigation"


class IssuerKind(StrEnum):
    """What an issuer is in the world."""

    SCHOOL = "school"
    AGENCY = "agency"
    EMPLOYER = "employer"
    TRAINING_PROVIDER = "training-provider"
    LICENSING_BOARD = "licensing-board"


class StatusProfile(StrEnum):
    """Which status entries a credential gets: `vc2` revocation and suspension, `ob3` revocation only."""

    VC2 = "vc2"
    OB3 = "ob3"


class Purpose(StrEnum):
    """A status list's purpose (Bitstring Status List 1.0, section 2.2), in the order of a credential's entries.

    `token` is ours: a list that exists in the IETF's form only, and says what revocation and suspension say together.
    """

    REVOCATION = "revocation"
    SUSPENSION = "suspension"
    REFRESH = "refresh"
    MESSAGE = "message"
    TOKEN = "token"  # noqa: S105  # the name of a list, not a secret


class LegacyList(StrEnum):
    """A list of revoked credentials that names them, for systems older than status lists."""

    ONE_EDTECH = "1edtech"
    """1EdTech Revocation List Status Method 1.0."""
    OB2 = "ob2"
    """RevocationList of Open Badges 2.0."""


Closing = Literal["exhausted", "log-restored"]
"""Why a status list set gives out no more indices."""

AsciiName = Annotated[str, StringConstraints(pattern=r"\A[!-~]+\z")]
"""A key of a stored object: implementations of canonical JSON sort others differently."""


_new = object.__new__
_values, _names, _extra, _private = (
    BaseModel.__dict__[name].__set__
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


class Stored(BaseModel):
    """A part of an event: frozen, and tolerant of fields it does not know yet."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    names: ClassVar[set[str]]
    defaults: ClassVar[dict[str, Any]]
    left_out: ClassVar[tuple[str, ...]]
    """Fields that are not stored while they hold nothing."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.names = set(cls.model_fields)
        cls.defaults = {
            name: one.default for name, one in cls.model_fields.items() if one.default is not PydanticUndefined
        }
        cls.left_out = tuple(name for name, default in cls.defaults.items() if default is None)

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """Return the part that pydantic would make of *fields*, which were checked where they come from.

        For the path of every write: checking them again takes three times as long.
        """
        return cls.whole({**cls.defaults, **fields} if cls.defaults else fields)

    @classmethod
    def whole(cls, values: dict[str, Any]) -> Self:
        """Return what `of` does, of all fields with their values, which are the part's own from now on.

        For the events that are written by the thousand: naming all fields at once is twice as fast.
        """
        part = _new(cls)
        _values(part, values)
        _names(part, cls.names)
        _extra(part, None)
        _private(part, None)
        return part


class Allocation(Stored):
    """The *number*-th index given out of a set, and the index it became under the set's permutation."""

    set_id: UUID
    number: int
    index: int


class StatusMessage(Stored):
    """What one value of a message list means: `status` as `0x…`, and a text for people."""

    status: str
    message: str


class ListMember(Stored):
    """One list of a set, with the URL that is signed into it for ever."""

    purpose: Purpose
    status_list_id: UUID
    url: str
    status_size: int | None = None
    """Bits of an entry; None: 1. Of a `token` list 1, 2, 4 or 8 (Token Status List, section 4.1)."""
    messages: tuple[StatusMessage, ...] | None = None
    """Of a `message` list: one for each of its 2 ** `bits` values, in their order."""
    reference: tuple[str, ...] | None = None
    """Where to read about the messages (`statusReference`)."""

    @property
    def bits(self) -> int:
        """How many bits an entry has."""
        return self.status_size or 1

    @property
    def shape(self) -> tuple[object, ...]:
        """What all lists of one purpose have in common, whatever their set."""
        return (self.purpose, self.bits, self.messages, self.reference)


class Permutation(Stored):
    """How a set turns numbers into indices; the key lies in the vault under the set's id."""

    algorithm: Literal["feistel-hmac-sha256"] = "feistel-hmac-sha256"
    version: int = 1


class VerificationMethod(Stored):
    """A public key of an issuer (W3C Controlled Identifiers 1.0, section 2.2)."""

    id: str
    controller: str
    public_key_multibase: str
    key_id: UUID | None = None
    """The signing key's id in the vault, when the key is held by us."""


class IssuerProfile(Stored):
    """What a person wants to know of an issuer."""

    name: str
    kind: IssuerKind
    jurisdiction: str
    legal_name: str | None = None
    url: str | None = None
    logo: str | None = None
    identifiers: dict[AsciiName, str] = Field(default_factory=dict)
