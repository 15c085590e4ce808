"""What coordinators ask for: a status entry for a credential, a change of status, whether anybody is there.

The shapes are those of digitalcredentials/status-service-db and status-service-git (src/app.js): the bare credential in
and out, `{code, message}` for a change.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from registry.domain.commands import (
    CredentialCommand,
    ReinstateCredential,
    RevokeCredential,
    SuspendCredential,
)
from registry.domain.names import CredentialId, credential_id
from registry.errors import Malformed, UnknownCredential
from registry.http import documents
from registry.http.dcc.exchange import Exchange, answer
from registry.securing.contexts import CREDENTIALS_V1, STATUS_V1

STATUS_TYPE = "BitstringStatusListCredential"

_COMMANDS: dict[str, type[RevokeCredential | SuspendCredential | ReinstateCredential]] = {
    "revoked": RevokeCredential,
    "suspended": SuspendCredential,
    "unsuspended": ReinstateCredential,
}


async def greet(_: Exchange) -> web.Response:
    """Say that the service is up, as the coordinators' own health check asks."""
    return answer({"message": "registry status service: ok."})


async def allocate(exchange: Exchange) -> web.Response:
    """Give an unsigned credential its status entries, and an id where it has none.

    One that has a `credentialStatus` comes back as it is. The issuer is not looked at: the signer fills it in after
    this. Repeated for the same credential, it is the same registration.
    """
    document = exchange.document
    if not document:
        raise Malformed("A Verifiable Credential must be provided in the body.")
    if document.get("credentialStatus") is not None:
        return answer(document)
    issuer_id = await exchange.issuer_id()
    tenant, parts = exchange.tenant, exchange.parts
    issuer = await parts.commands.issuer(tenant.log, issuer_id)
    _, registration = documents.prepare(
        {name: value for name, value in document.items() if name != "issuer"},
        did=issuer.did,
        origin=parts.logs.origins[tenant.log],
        profile=issuer.status_profile,
        mint=parts.new_uuid,
    )
    command = registration.command(parts.clock(), issuer_id)
    outcome = await parts.commands.handle(exchange.asked(issuer_id), command)
    allocated = {"id": registration.credential_id, "credentialStatus": outcome.answer["credentialStatus"]}
    return answer({**document, "@context": _with_status_terms(document["@context"]), **allocated})


def _with_status_terms(contexts: Any) -> Any:
    """Add the context that defines a status entry's terms, where the data model's own does not."""
    if not isinstance(contexts, list) or contexts[0] != CREDENTIALS_V1 or STATUS_V1 in contexts:
        return contexts
    return [*contexts, STATUS_V1]


async def change(exchange: Exchange) -> web.Response:
    """Revoke, suspend or reinstate; repeating it changes nothing."""
    identifier, status = _asked_for(exchange.document)
    issuer_id = await exchange.issuer_id()
    command: CredentialCommand = _COMMANDS[status](exchange.parts.clock(), issuer_id, identifier)
    try:
        await exchange.parts.commands.handle(exchange.asked(issuer_id), command)
    except UnknownCredential as error:
        raise UnknownCredential(f"Unable to find credential with ID {identifier}") from error
    return answer({"code": 200, "message": f"Credential successfully {status}."})


def _asked_for(document: dict[str, Any]) -> tuple[CredentialId, str]:
    """Return which credential shall become what; raise `Malformed`."""
    identifier, changes = document.get("credentialId"), document.get("credentialStatus")
    if not identifier or not changes:
        raise Malformed("A status update request must be provided in the body.")
    if not isinstance(changes, list) or len(changes) != 1 or not isinstance(changes[0], dict):
        raise Malformed("`credentialStatus` is an array of one object: make one request for each change.")
    if changes[0].get("type") != STATUS_TYPE:
        raise Malformed(f"{STATUS_TYPE} is the only supported status type.")
    status = changes[0].get("status")
    if not isinstance(status, str) or status not in _COMMANDS:
        raise Malformed(f'Unsupported credential status: "{str(status)[:80]}"; say one of {", ".join(_COMMANDS)}.')
    return _identifier(identifier), status


def _identifier(given: Any) -> CredentialId:
    """Return the credential's id; what cannot be one names no credential."""
    try:
        return credential_id(given) if isinstance(given, str) else credential_id("")
    except Malformed as error:
        raise UnknownCredential(f"Unable to find credential with ID {str(given)[:200]}") from error
