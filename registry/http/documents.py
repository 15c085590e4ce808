"""What a credential must look like to be registered or issued here (VCDM 2.0, sections 4.3 to 4.10, and 1.1). Pure.

Terms, types and contexts are judged where the document is signed. Registering asks for what the registry itself reads
or writes: context, id, type, issuer, status, validity. Issuing asks for all that the data model does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from registry.domain.commands import RegisterCredential
from registry.domain.events import StatusProfile
from registry.domain.names import CredentialId, IssuerId, credential_id, is_absolute_iri
from registry.errors import Malformed
from registry.securing.contexts import CREDENTIALS_V1, CREDENTIALS_V2, DATA_INTEGRITY_V2, STATUS_V1
from registry.securing.moment import parse_date_time_stamp
from registry.verifier.structure.check import check_credential

ADDED_TO_V1 = (STATUS_V1, DATA_INTEGRITY_V2)
"""What credentials/v1 does not define, and ours need: the terms of a status entry and of a proof."""
_MOMENTS_V1 = ("issuanceDate", "expirationDate")
_MOMENTS_V2 = ("validFrom", "validUntil")
"""From when and until when a credential holds, in each data model."""
MAX_TYPES = 32
MAX_TYPE_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Registration:
    """What the registry records of a credential."""

    credential_id: CredentialId
    types: tuple[str, ...]
    valid_from: str | None
    valid_until: str | None
    achievement_id: str | None

    def command(self, at: datetime, issuer_id: IssuerId) -> RegisterCredential:
        """Return the command that records it."""
        return RegisterCredential(
            at=at,
            issuer_id=issuer_id,
            credential_id=self.credential_id,
            credential_types=self.types,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            achievement_id=self.achievement_id,
        )


def prepare(
    document: dict[str, Any], *, did: str, origin: str, profile: StatusProfile, mint: Callable[[], UUID]
) -> tuple[dict[str, Any], Registration]:
    """Return the document with its id and the contexts it needs, and what to record of it; raise `Malformed`.

    *did* is the issuer's, *origin* the log's, *mint* makes the UUID of a credential without an id. An issuer that is
    left out stays out: who fills it in knows under which DID the credential was registered.
    """
    contexts = _contexts(document)
    if "proof" in document:
        raise _wrong("/proof", "The credential is signed already; send it without `proof`.")
    _require_subject(document)
    _require_foreign_status(document, origin, profile)
    _require_typed(document)
    types = _types(document)
    first, last = _MOMENTS_V1 if is_v1(document) else _MOMENTS_V2
    valid_from, valid_until = validity(
        document.get(first), document.get(last), within="/credential", names=(first, last)
    )
    identifier = identified(document.get("id"), mint, pointer="/credential/id")
    _require_issuer(document, did)
    filled = {**document, "@context": contexts, "id": identifier}
    return filled, Registration(identifier, types, valid_from, valid_until, _achievement(document))


def require_date(document: dict[str, Any]) -> None:
    """Refuse to issue a credential of the data model 1.1 without the date that it must have (section 4.6)."""
    if is_v1(document) and document.get("issuanceDate") is None:
        raise _wrong("/issuanceDate", "A credential of the data model 1.1 says its `issuanceDate`.")


def require_conforming(document: dict[str, Any], did: str) -> None:
    """Refuse to sign under *did* what any verifier would refuse: whatever the data model forbids, part by part."""
    issuer = document.get("issuer")
    named = {**document, "issuer": {**issuer, "id": did} if isinstance(issuer, dict) else did}
    faults = [{**one.json(), "pointer": f"/credential{one.pointer}"} for one in check_credential(named)]
    if faults:
        first = faults[0]
        raise Malformed(f"{first['pointer']}: {first['detail']}", pointer=first["pointer"], errors=faults)


def is_v1(document: dict[str, Any]) -> bool:
    """Whether *document* is of the data model 1.1, as its first context says."""
    contexts = document.get("@context")
    return isinstance(contexts, list) and contexts[:1] == [CREDENTIALS_V1]


def identified(given: Any, mint: Callable[[], UUID], *, pointer: str) -> CredentialId:
    """Return the credential's id, minted as `urn:uuid:` when it has none (VCDM 2.0, section 4.4)."""
    if given is None:
        return CredentialId(f"urn:uuid:{mint()}")
    if not isinstance(given, str):
        raise Malformed("A credential's id is one string.", pointer=pointer)
    try:
        return credential_id(given)
    except Malformed as error:
        raise Malformed(error.detail, pointer=pointer) from None


def validity(
    valid_from: Any, valid_until: Any, *, within: str = "", names: tuple[str, str] = _MOMENTS_V2
) -> tuple[str | None, str | None]:
    """Return both moments as they were written (VCDM 2.0, section 4.9); past and future are allowed."""
    first = None if valid_from is None else date_time_stamp(valid_from, pointer=f"{within}/{names[0]}")
    last = None if valid_until is None else date_time_stamp(valid_until, pointer=f"{within}/{names[1]}")
    if first is not None and last is not None and last < first:
        raise Malformed(f"{names[1]} lies before {names[0]}.", pointer=f"{within}/{names[1]}")
    return valid_from, valid_until


def date_time_stamp(text: Any, *, pointer: str) -> datetime:
    """Return the moment (aware, UTC, to the microsecond) that an XSD dateTimeStamp names; raise `Malformed`."""
    try:
        return parse_date_time_stamp(text)
    except Malformed as error:
        raise Malformed(error.detail, pointer=pointer) from None


def _wrong(where: str, sentence: str) -> Malformed:
    return Malformed(sentence, pointer=f"/credential{where}")


def _contexts(document: dict[str, Any]) -> list[Any]:
    """The contexts, with what a credential of the data model 1.1 needs besides."""
    contexts = document.get("@context")
    if not isinstance(contexts, list) or contexts[:1] not in ([CREDENTIALS_V2], [CREDENTIALS_V1]):
        raise _wrong(
            "/@context", f"`@context` is an array that begins with {CREDENTIALS_V2}, or, for 1.1, {CREDENTIALS_V1}."
        )
    if contexts[0] == CREDENTIALS_V2:
        return contexts
    if strangers := [name for name in _MOMENTS_V2 if name in document]:
        raise _wrong(f"/{strangers[0]}", "The data model 1.1 says `issuanceDate` and `expirationDate`.")
    return [*contexts, *(added for added in ADDED_TO_V1 if added not in contexts)]


def _types(document: dict[str, Any]) -> tuple[str, ...]:
    given = document.get("type")
    types = [given] if isinstance(given, str) else given
    if not isinstance(types, list) or "VerifiableCredential" not in types:
        raise _wrong("/type", "`type` is an array that contains VerifiableCredential.")
    if len(types) > MAX_TYPES or not all(isinstance(one, str) and 0 < len(one) <= MAX_TYPE_CHARACTERS for one in types):
        raise _wrong("/type", f"`type` holds at most {MAX_TYPES} strings of 1 to {MAX_TYPE_CHARACTERS} characters.")
    return tuple(types)


def _require_subject(document: dict[str, Any]) -> None:
    subject = document.get("credentialSubject")
    subjects = subject if isinstance(subject, list) else [subject]
    if not subjects or not all(isinstance(one, dict) and one for one in subjects):
        raise _wrong("/credentialSubject", "`credentialSubject` is an object, or an array of them, and says something.")


_TYPED = ("credentialStatus", "credentialSchema", "refreshService", "termsOfUse", "evidence")
"""Members whose objects say their type (VCDM 2.0, section 4.5)."""


def _require_typed(document: dict[str, Any]) -> None:
    for name in _TYPED:
        given = document.get(name)
        for one in given if isinstance(given, list) else [] if given is None else [given]:
            if not isinstance(one, dict) or not one.get("type"):
                raise _wrong(f"/{name}", f"`{name}` is an object that says its `type`, or an array of such objects.")


def _require_issuer(document: dict[str, Any], did: str) -> None:
    issuer = document.get("issuer")
    named = issuer.get("id", did) if isinstance(issuer, dict) else issuer
    if issuer is not None and named != did:
        raise _wrong("/issuer", f"The issuer is {did}; leave `issuer` (or its `id`) out, and it is filled in.")


def _require_foreign_status(document: dict[str, Any], origin: str, profile: StatusProfile) -> None:
    if (status := document.get("credentialStatus")) is None:
        return
    for entry in status if isinstance(status, list) else [status]:
        if not isinstance(entry, dict):
            raise _wrong("/credentialStatus", "`credentialStatus` is an object, or an array of them.")
        urls = (entry.get("statusListCredential"), entry.get("id"))
        if any(isinstance(url, str) and url.startswith(f"{origin}/status-lists/") for url in urls):
            raise _wrong("/credentialStatus", "The registry gives the status entries itself; leave its own out.")
    if profile is StatusProfile.OB3:
        raise _wrong("/credentialStatus", "Open Badges 3.0 allows one status entry, and that is the registry's.")


def _achievement(document: dict[str, Any]) -> str | None:
    subject = document["credentialSubject"]
    for one in subject if isinstance(subject, list) else [subject]:
        achievement = one.get("achievement")
        named = achievement.get("id") if isinstance(achievement, dict) else None
        if isinstance(named, str) and is_absolute_iri(named) and len(named.encode()) <= 1024:
            return named
    return None
