"""The rows of a batch → commands: a row says what the body of the single request says, and of which credential."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from registry.commands.issue import Document, Terms, Wish
from registry.domain.commands import (
    CredentialCommand,
    Refusal,
    RefusedRow,
    RegisterCredential,
    ReinstateCredential,
    RevokeCredential,
    Row,
    SupersedeCredential,
    SuspendCredential,
)
from registry.domain.names import CredentialId, IssuerId, credential_id
from registry.domain.rows import refusal
from registry.errors import IssuerNotActive, Malformed, Refused
from registry.http import auth, documents, issue_options
from registry.http.batch_files import Form, Members
from registry.http.bodies import (
    Body,
    IssueBody,
    RegistrationBody,
    RevocationBody,
    SupersessionBody,
    SuspensionBody,
    validated,
)
from registry.http.faults import unknown_member
from registry.http.fields import CredentialIdText


class RevocationRow(RevocationBody):
    """Revoke."""

    credential_id: CredentialIdText


class SuspensionRow(SuspensionBody):
    """Suspend."""

    credential_id: CredentialIdText


class ReinstatementRow(Body):
    """Lift a suspension."""

    credential_id: CredentialIdText


class SupersessionRow(SupersessionBody):
    """Replace by another credential."""

    credential_id: CredentialIdText


OPERATIONS: Final[dict[str, tuple[type[Body], str]]] = {
    "register": (RegistrationBody, auth.ISSUE),
    "issue": (IssueBody, auth.ISSUE),
    "revoke": (RevocationRow, auth.STATUS),
    "suspend": (SuspensionRow, auth.STATUS),
    "reinstate": (ReinstatementRow, auth.STATUS),
    "supersede": (SupersessionRow, auth.STATUS),
}
"""What a row may ask for → its members, and what the API key must be for."""


MOST_ALIKE: Final = 1_000
"""Different ways of saying something that are remembered while a batch is read."""
ALIKE_BYTES: Final = 1_024
"""Of a row whose way of saying it is remembered: a thousand of the longest would take a quarter of the memory."""


def columns(operation: str | None = None) -> list[str]:
    """Return every member that a row of CSV may have, for any or one *operation*; documents are for NDJSON."""
    models = [model for name, (model, _) in OPERATIONS.items() if operation in (None, name)]
    fields = {field.alias or name for model in models for name, field in model.model_fields.items()}
    return ["operation", *sorted(fields - {"credential", "options"})]


Wished = tuple[RegisterCredential, Document, Wish]
"""A registration, the document that is signed when it is made, and how."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the rows of one batch."""

    form: Form
    issuer_id: IssuerId
    origin: str
    caller: auth.Caller
    clock: Callable[[], datetime]
    mint: Callable[[], UUID]
    terms: Terms | None
    """The issuer's; None: it has no DID yet."""
    operation: str | None
    """What rows ask for that do not say it."""
    is_streaming: bool = False
    """Whether what becomes of the rows is sent back at once: signed credentials are not kept."""
    wishes: dict[int, Wished | Refusal] = field(default_factory=dict)
    """What is to be signed, or why it cannot be, by the identity of its row."""
    _barred: dict[str, Refused | None] = field(default_factory=dict)
    _alike: dict[tuple[Any, ...], RegisterCredential] = field(default_factory=dict)
    """Registrations by what they say of their credential, but for its id: thousands of rows say the same."""

    def require(self, operation: str) -> None:
        """Raise what every row that asks for *operation* would be refused with: that is not the rows' fault."""
        if (barred := self._bar(OPERATIONS[operation][1])) is not None:
            raise barred
        if operation == "issue" and not self.is_streaming:
            raise _kept_nowhere()

    def row(self, record: bytes) -> Row:
        """Return the command of one record, or why it is none; raise `Malformed` where nobody would read it."""
        members: Members = {}
        operation: Any = self.operation
        try:
            members = self.form.members(record)
            given = members.pop("operation", None)
            operation = self.operation if given is None else given
        except Refused as error:
            return self._refused(members, operation, error)
        if operation == "issue" and not self.is_streaming:
            raise _kept_nowhere()  # past the row: its refusal would be kept, and be the answer for ever
        try:
            return self._command(operation, members, is_short=len(record) <= ALIKE_BYTES)
        except Refused as error:
            return self._refused(members, operation, error)

    def _refused(self, members: Members, operation: Any, error: Refused) -> RefusedRow:
        refused = RefusedRow(_named(members), refusal(error))
        if operation == "issue":
            self.wishes[id(refused)] = refused.refusal
        return refused

    def _command(self, operation: Any, members: Members, *, is_short: bool) -> CredentialCommand:
        known = OPERATIONS.get(operation) if isinstance(operation, str) else None
        if known is None:
            raise _no_operation(operation)
        model, scope = known
        if (barred := self._bar(scope)) is not None:
            raise barred
        at, issuer_id = self.clock(), self.issuer_id
        said = _said(members) if is_short and model is RegistrationBody else None
        if said is not None and (one := self._alike.get(said)) and (identifier := _named(members)):
            return RegisterCredential(
                at, issuer_id, identifier, one.credential_types, one.valid_from, one.valid_until, one.achievement_id
            )
        body = validated(model, members, "The row")
        match body:
            case IssueBody():
                return self._issuance(body, at)
            case RegistrationBody():
                command = self._registration(body, at)
                if said is not None and len(self._alike) < MOST_ALIKE:
                    self._alike[said] = command
                return command
            case RevocationRow(credential_id=cid):
                return RevokeCredential(at, issuer_id, CredentialId(cid), body.reason, body.effective_at)
            case SuspensionRow(credential_id=cid):
                return SuspendCredential(at, issuer_id, CredentialId(cid), body.reason, body.effective_at)
            case ReinstatementRow(credential_id=cid):
                return ReinstateCredential(at, issuer_id, CredentialId(cid))
            case SupersessionRow(credential_id=cid, by=by):
                by_id = CredentialId(by)
                return SupersedeCredential(
                    at, issuer_id, CredentialId(cid), by_id, body.reason, body.revoke, body.effective_at
                )
        raise TypeError(f"No command for {type(body).__name__}.")

    def _issuance(self, body: IssueBody, at: datetime) -> RegisterCredential:
        terms = self._terms()
        documents.require_date(body.credential)
        document, registration = documents.prepare(
            body.credential, did=terms.did, origin=self.origin, profile=terms.profile, mint=self.mint
        )
        acceptable = issue_options.meant(body.options)
        mechanism = issue_options.chosen(terms.mechanisms, acceptable, body.credential)
        command = registration.command(at, self.issuer_id)
        self.wishes[id(command)] = (command, document, Wish(terms, mechanism, acceptable))
        return command

    def _terms(self) -> Terms:
        if self.terms is None:
            raise IssuerNotActive("The issuer has no DID yet, and so cannot issue.")
        return self.terms

    def _registration(self, body: RegistrationBody, at: datetime) -> RegisterCredential:
        if (document := body.credential) is not None:
            terms = self._terms()
            _, registration = documents.prepare(
                document, did=terms.did, origin=self.origin, profile=terms.profile, mint=self.mint
            )
            return registration.command(at, self.issuer_id)
        valid_from, valid_until = documents.validity(body.valid_from, body.valid_until)
        identifier = CredentialId(body.credential_id or f"urn:uuid:{self.mint()}")
        types = tuple(body.type or ())
        return RegisterCredential(at, self.issuer_id, identifier, types, valid_from, valid_until, body.achievement)

    def _bar(self, scope: str) -> Refused | None:
        if scope not in self._barred:
            try:
                auth.require_scope(self.caller, scope)
                self._barred[scope] = None
            except Refused as error:
                self._barred[scope] = error
        return self._barred[scope]


def _kept_nowhere() -> Malformed:
    return Malformed(
        "Signed credentials are not kept, but sent back at once: ask with `Accept: application/x-ndjson`.",
        pointer="/operation",
    )


def _no_operation(given: Any) -> Malformed:
    if given is None:
        return Malformed(
            f"The row does not say its `operation`, one of {', '.join(OPERATIONS)}; or give one for all rows as "
            "`?operation=`.",
            pointer="/operation",
        )
    return Malformed(unknown_member(str(given)[:80], list(OPERATIONS), "operation"), pointer="/operation")


def _said(members: Members) -> tuple[str | tuple[str, ...], ...] | None:
    """Return what a row says beside its credential's id, which it names; None where it says more than plain text."""
    if "credentialId" not in members:
        return None
    said: list[str | tuple[str, ...]] = []
    for name, value in members.items():
        if name == "credentialId":
            continue
        if type(value) is list and all(type(one) is str for one in value):
            said += (name, tuple(value))
        elif type(value) is str:
            said += (name, value)
        else:
            return None
    return tuple(said)


def _named(members: Members) -> CredentialId | None:
    """Return the id of a refused row, which is kept for ever; what is none might be a name, put into that column."""
    named = members.get("credentialId")
    try:
        return credential_id(named) if isinstance(named, str) else None
    except Malformed:
        return None
