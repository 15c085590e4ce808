"""Who asks, and under which promise that a repeated request is the same request."""

from __future__ import annotations

from dataclasses import dataclass, replace

from registry.domain.names import LogName
from registry.log.sequencer import IdempotencyKey


@dataclass(frozen=True, slots=True)
class Asked:
    """The circumstances of a command."""

    log: LogName
    actor: str
    """Who is recorded as having acted: `key:<id>`, or `system:<what>`."""
    caller: str
    """Whose Idempotency-Keys these are: `operator`, or `issuer/<uuid>`."""
    request_id: str
    idempotency_key: str | None = None
    request_hash: bytes = b""
    """SHA-256 of what makes the request this request: method, path and body."""
    after: tuple[str, bytes] | None = None
    """Key and hash of the caller's request that this one follows, as `IdempotencyKey` has it."""

    @property
    def key(self) -> IdempotencyKey | None:
        """The promise, if one was made."""
        if self.idempotency_key is None:
            return None
        return IdempotencyKey(self.caller, self.idempotency_key, self.request_hash, self.after)

    def without_key(self) -> Asked:
        """The same circumstances for a further step of the same request."""
        return replace(self, idempotency_key=None, request_hash=b"", after=None)


def system(log: LogName, what: str) -> Asked:
    """The service itself asks, as `system:<what>`."""
    return Asked(log=log, actor=f"system:{what}", caller="system", request_id=what)
