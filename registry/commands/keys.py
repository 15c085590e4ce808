"""What issuers sign with: keys rotate, planned or after a compromise, and DIDs that are controlled elsewhere delegate.

A key is made in the vault before the log speaks of it: a crash in between leaves a key that nobody uses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from registry.commands.delegation import Resolve, listed
from registry.commands.handle import Commands, Outcome
from registry.commands.idempotency import Asked
from registry.commands.plans import delegation
from registry.domain.commands import AdoptDid, AdoptOwnDid, KeyCommand, ProposeDid, RotateKeys, Rotation
from registry.domain.events import CredentialSecured, DidProposed, Recorded, VerificationMethod
from registry.domain.issuer import Issuer
from registry.domain.keys import DID_KEY, Key, KeyState
from registry.domain.mechanisms import KeyAlgorithm, algorithm_of
from registry.domain.names import IssuerId, LogName
from registry.errors import DelegationMissing, Malformed, Refused, RemoteUnavailable

OWN = "web"
"""The did:web whose document this registry publishes."""
SCANS = 20
"""How many windows of the log one page may take."""

ReadSecurings = Callable[[LogName, IssuerId, datetime, int, int], Awaitable[tuple[list[Recorded], int | None]]]
"""(log, issuer, not before, after position, how many) → `CredentialSecured` facts of one window of the log, in order,
and the position to go on after; None: that was the end."""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A page of `CredentialSecured` facts that may be somebody else's work."""

    securings: tuple[Recorded, ...]
    next_after: int | None
    """None: this was the last page."""


class IssuerKeys:
    """The DIDs and keys of all issuers. *resolve* fetches the document of a DID that is controlled elsewhere."""

    def __init__(self, commands: Commands, *, resolve: Resolve, read_securings: ReadSecurings) -> None:
        self._commands = commands
        self._resolve = resolve
        self._read_securings = read_securings

    async def rotate(
        self,
        asked: Asked,
        issuer_id: IssuerId,
        *,
        method_id: str | None = None,
        compromised_since: datetime | None = None,
    ) -> Outcome:
        """Let new keys sign in place of all that sign under today's DID, or of the one named; its DID's document, if
        it is controlled elsewhere, must list them first.

        With *compromised_since* (to the second), what the old ones signed from then on does not count; a key that was
        retired before can be named, too. Raises `Malformed` and `IllegalTransition`.
        """
        issuer = await self._commands.issuer(asked.log, issuer_id)
        rotations = [
            Rotation(key.method.id, await self._successor(asked.log, issuer, key))
            for key in _to_rotate(issuer, method_id)
        ]
        cut_off = compromised_since.replace(microsecond=0) if compromised_since else None
        command = RotateKeys(self._commands.clock(), issuer_id, tuple(rotations), cut_off)
        return await self._handled(asked, issuer, command)

    async def adopt(self, asked: Asked, issuer_id: IssuerId, did: str | None = None) -> Outcome:
        """Propose *did*, or adopt what was proposed before, if its document lists our keys now; "web" is adopted at
        once, for its document is ours.

        The answer to a proposal has a `delegation`: what the document must list. Raises `DelegationMissing`, with the
        same. Nothing changes if the issuer speaks under the DID already.
        """
        issuer = await self._commands.issuer(asked.log, issuer_id)
        if did == OWN:
            return await self._adopt_own(asked, issuer)
        proposed = issuer.keys.proposed
        wanted = did or (proposed.did if proposed else issuer.did)
        is_proposed = proposed is not None and proposed.did == wanted
        if is_proposed or (wanted == issuer.did and issuer.keys.signing(wanted)):
            methods = await self._proved(proposed) if proposed is not None and is_proposed else ()
            return await self._handled(asked, issuer, AdoptDid(self._commands.clock(), issuer_id, wanted, methods))
        made = [await self._made(asked.log, issuer, wanted, algorithm) for algorithm in _algorithms(issuer)]
        return await self._handled(asked, issuer, ProposeDid(self._commands.clock(), issuer_id, wanted, tuple(made)))

    async def _adopt_own(self, asked: Asked, issuer: Issuer) -> Outcome:
        made = [await self._made(asked.log, issuer, OWN, algorithm) for algorithm in _algorithms(issuer)]
        command = AdoptOwnDid(self._commands.clock(), issuer.issuer_id, made[0].controller, tuple(made))
        return await self._handled(asked, issuer, command)

    async def doubtful(self, log: LogName, issuer_id: IssuerId, *, after: int = 0, limit: int = 100) -> Doubtful:
        """Return a page of the credentials that a compromised key secured at or after its cut-off, from the log.

        *after* is 0, or `next_after` of the page before. A page may be empty and have a next one: how much of the log
        one call reads is bounded.
        """
        issuer = await self._commands.issuer(log, issuer_id)
        cut_offs = {one.method.id: one for one in issuer.keys.all if one.state is KeyState.COMPROMISED}
        since = min((one.until for one in cut_offs.values() if one.until is not None), default=None)
        if since is None:
            return Doubtful((), None)
        found: list[Recorded] = []
        for _ in range(SCANS):
            events, end = await self._read_securings(log, issuer_id, since, after, limit - len(found))
            found += [one for one in events if _is_doubtful(one, cut_offs)]
            if end is None:
                return Doubtful(tuple(found), None)
            after = end
            if len(found) == limit:
                break
        return Doubtful(tuple(found), after)

    async def _handled(self, asked: Asked, before: Issuer, command: KeyCommand) -> Outcome:
        outcome = await self._commands.handle(asked, command)
        after = await self._commands.issuer(asked.log, before.issuer_id)
        if after.did != before.did:
            self._commands.want_lists(asked.log, before.issuer_id)
        return outcome

    async def _proved(self, proposed: DidProposed) -> tuple[VerificationMethod, ...]:
        try:
            document = await self._resolve(proposed.did)
            return listed(document, proposed.did, proposed.methods, self._commands.clock())
        except (Refused, RemoteUnavailable) as error:
            raise DelegationMissing(error.detail, delegation=delegation(proposed)) from error

    async def _successor(self, log: LogName, issuer: Issuer, key: Key) -> VerificationMethod | None:
        """Return what signs in place of *key*; None where it has a successor, or can have none."""
        controller = key.method.controller
        if key.state is not KeyState.ACTIVE or (controller.startswith(DID_KEY) and controller != issuer.did):
            return None
        proposed = issuer.keys.proposed
        if proposed is not None and key.method.id in proposed.replaces:
            return proposed.methods[proposed.replaces.index(key.method.id)]
        return await self._made(log, issuer, controller, _algorithm(key.method))

    async def _made(self, log: LogName, issuer: Issuer, did: str, algorithm: KeyAlgorithm) -> VerificationMethod:
        """Return a verification method with a new key: under *did*, or, where that is a key itself, under a new one."""
        did_method = "key" if did.startswith(DID_KEY) else did
        return await self._commands.new_method(log, issuer.issuer_id, issuer.slug, did_method, algorithm)


def _is_doubtful(recorded: Recorded, cut_offs: Mapping[str, Key]) -> bool:
    fact = recorded.event
    assert isinstance(fact, CredentialSecured)
    key = cut_offs.get(fact.verification_method)
    return key is not None and not key.counts_at(fact.created)


def _to_rotate(issuer: Issuer, method_id: str | None) -> list[Key]:
    """Return the keys that are meant: the one named, or all that sign under today's DID."""
    if method_id is not None:
        key = issuer.keys.find(method_id)
        if key is None:
            raise Malformed("The issuer never had this verification method; its `keys` lists them.", pointer="/method")
        return [key]
    held = {one.id for one in issuer.keys.signing(issuer.did)}
    return [one for one in issuer.keys.all if one.method.id in held and one.state is KeyState.ACTIVE]


def _algorithms(issuer: Issuer) -> list[KeyAlgorithm]:
    """Return of which algorithms keys are needed: those that sign, or that wait to, or that did."""
    waiting = issuer.keys.proposed.methods if issuer.keys.proposed else ()
    return list(dict.fromkeys(map(_algorithm, issuer.keys.signing(issuer.did) or waiting or issuer.methods)))


def _algorithm(method: VerificationMethod) -> KeyAlgorithm:
    return algorithm_of(method.public_key_multibase) or KeyAlgorithm.ED25519
