"""What every write has in common: who asks under which promise, and where the log says it now."""

from __future__ import annotations

from aiohttp import web

from registry.commands.handle import Outcome
from registry.commands.idempotency import Asked
from registry.domain.names import position_text
from registry.http import client
from registry.http.door import Call


def asked(call: Call) -> Asked:
    """Return the circumstances of the command; raise `Malformed` for an Idempotency-Key that is none."""
    caller = call.caller
    assert caller is not None, "writes are never anonymous"
    key = client.idempotency_key(call.request)
    return Asked(
        log=call.log,
        actor=f"key:{caller.key_id}",
        caller="operator" if caller.issuer is None else f"issuer/{caller.issuer}",
        request_id=call.request_id,
        idempotency_key=key,
        request_hash=client.request_hash(call.request, call.operation.path, call.raw) if key else b"",
    )


def recorded(call: Call, outcome: Outcome, status: int = 200) -> web.Response:
    """Return the answer to a write that the log has taken."""
    note_position(call, outcome.position, is_replay=outcome.replayed)
    return call.json(outcome.answer, status)


def note_position(call: Call, position: int, *, is_replay: bool) -> None:
    """Let the answer say where the log has it, and whether an earlier request put it there."""
    call.headers["Registry-Position"] = position_text(call.log, position)
    if is_replay:
        call.headers["Idempotency-Replayed"] = "true"
        call.parts.metrics.replays.inc()
