"""One fact, every representation: whatever happens, all say the same of a log position (issue 3, section 7)."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.credential_status import revocations
from projections.credential_status import view as credential_status
from projections.credential_status.projector import CREDENTIAL_STATUS
from projections.runner import Runner
from projections.status_lists.projector import STATUS_LISTS
from projections.status_lists.rendering import Secured, Unsecured
from projections.status_lists.view import PublishedLists
from registry.domain.events import CredentialReinstated, CredentialRevoked, CredentialSuperseded, CredentialSuspended
from registry.domain.mechanisms import Mechanism
from registry.domain.names import IssuerId, LogName
from registry.errors import Refused
from registry.list_signer import Key, Keys, every_form
from tests.builders import AT
from tests.envelopes import jws, sign1, token_of_cwt, token_of_jwt, w3c_bits
from tests.projections.status_lists_world import World, cid, list_of
from tests.securing.signers import ed25519

CREDENTIALS = 5
SIGNER = Key("did:example:issuer#key-1", ed25519(bytes(range(32))))
KEYS = Keys(Mechanism.EDDSA_RDFC_2022, SIGNER, SIGNER)

EMBEDDED, VC_JWT, VC_COSE = "application/vc", "application/vc+jwt", "application/vc+cose"
STATUSLIST_JWT, STATUSLIST_CWT = "application/statuslist+jwt", "application/statuslist+cwt"


@dataclass
class Told:
    """What the log says of one issuer's credentials, by their indices."""

    revoked: set[int] = field(default_factory=set)
    suspended: set[int] = field(default_factory=set)
    superseded: set[int] = field(default_factory=set)

    def status(self, index: int) -> str:
        """What a lookup calls it: the gravest word."""
        for word in ("revoked", "superseded", "suspended"):
            if index in getattr(self, word):
                return word
        return "active"

    def tokens(self, bits: int) -> dict[int, int]:
        """The entries of a token list that are not 0; one bit has no room for a suspension."""
        suspended = dict.fromkeys(self.suspended, 2) if bits > 1 else {}
        return suspended | dict.fromkeys(self.revoked, 1)


def told(world: World, issuer_id: IssuerId, position: int) -> Told:
    """Replay the log up to *position*."""
    found = Told()
    for recorded in world.history.recorded[:position]:
        match recorded.event:
            case CredentialRevoked() as event if event.issuer_id == issuer_id:
                found.revoked.add(event.allocation.index)
            case CredentialSuspended() as event if event.issuer_id == issuer_id:
                found.suspended.add(event.allocation.index)
            case CredentialReinstated() as event if event.issuer_id == issuer_id:
                found.suspended.discard(event.allocation.index)
            case CredentialSuperseded() as event if event.issuer_id == issuer_id:
                found.superseded.add(event.allocation.index)
    return found


async def secure(_log: LogName, unsecured: Unsecured) -> Secured:
    return every_form(unsecured, KEYS, "issuer", AT)


steps = st.lists(
    st.tuples(st.sampled_from(["revoke", "suspend", "reinstate", "supersede"]), st.integers(0, CREDENTIALS - 1)),
    max_size=6,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(steps, min_size=1, max_size=3), bits=st.sampled_from([1, 2, 4, 8]), added_in=st.integers(0, 2))
async def test_all_representations_agree_at_every_publication(
    world: World, rounds: list[list[tuple[str, int]]], bits: int, added_in: int
) -> None:
    issuer_id = world.history.issuer(f"issuer-{len(world.history.recorded)}")
    for number in range(CREDENTIALS):
        world.history.credential(issuer_id, cid(number))
    publisher = world.publisher(secure=secure)
    async with asyncpg.create_pool(world.database.writer, min_size=1, max_size=2) as pool:
        for number, round_ in enumerate(rounds):
            for what, index in round_:
                more = [cid((index + 1) % CREDENTIALS)] if what == "supersede" else []
                with suppress(Refused):
                    getattr(world.history, what)(issuer_id, cid(index), *more)
            if number == added_in:
                world.token_list(issuer_id, bits=bits)
            await world.write()
            await Runner(world.database.projector, [STATUS_LISTS, CREDENTIAL_STATUS]).catch_up()
            await publisher.publish(world.log)
            await everything_agrees(world, pool, issuer_id, bits if number >= added_in else None)


async def everything_agrees(
    world: World, pool: asyncpg.Pool[asyncpg.Record], issuer_id: IssuerId, bits: int | None
) -> None:
    lists, now = PublishedLists(pool), told(world, issuer_id, len(world.history.recorded))
    await agree_on_revocation(world, lists, issuer_id)
    await agree_on_suspension(world, lists, issuer_id)
    if bits is not None:
        await agree_on_tokens(world, lists, list_of(issuer_id, "token"), now.tokens(bits), bits)
    indices = range(CREDENTIALS)
    for purpose, expected in (("revocation", now.revoked), ("suspension", now.suspended)):
        published = await lists.get(world.log, list_of(issuer_id, purpose))
        assert {index for index in indices if lists.value(published, index)} == expected
    rows = await credential_status.statuses_of(pool, world.log, [(cid(index), str(issuer_id)) for index in indices])
    assert [row.status for row in rows] == [now.status(index) for index in indices]  # type: ignore[union-attr]
    named = await revocations.revoked(pool, world.log, issuer_id, after=0, limit=100)
    assert {one.credential_id for one in named} == {cid(index) for index in now.revoked}


async def forms_of(world: World, lists: PublishedLists, status_list_id: UUID) -> dict[str, bytes]:
    """Every form of a list, all of one publication, at one position."""
    found = [
        await lists.get(world.log, status_list_id, media_type)
        for media_type in await lists.forms(world.log, status_list_id)
    ]
    assert len({(one.sequence, one.position) for one in found}) == 1
    return {one.media_type: one.body for one in found}


async def agree_on_revocation(world: World, lists: PublishedLists, issuer_id: IssuerId) -> None:
    status_list_id = list_of(issuer_id)
    forms = await forms_of(world, lists, status_list_id)
    position = (await lists.get(world.log, status_list_id)).position
    expected = told(world, issuer_id, position).revoked
    assert expected == told(world, issuer_id, len(world.history.recorded)).revoked
    assert list(forms) == [EMBEDDED, VC_JWT, VC_COSE, STATUSLIST_JWT, STATUSLIST_CWT]
    for document in credentials_in(forms):
        assert w3c_bits(document) == expected
    await agree_on_tokens(world, lists, status_list_id, dict.fromkeys(expected, 1), 1)


async def agree_on_suspension(world: World, lists: PublishedLists, issuer_id: IssuerId) -> None:
    forms = await forms_of(world, lists, list_of(issuer_id, "suspension"))
    assert list(forms) == [EMBEDDED, VC_JWT, VC_COSE]
    for document in credentials_in(forms):
        assert w3c_bits(document) == told(world, issuer_id, len(world.history.recorded)).suspended


async def agree_on_tokens(
    world: World, lists: PublishedLists, status_list_id: UUID, expected: dict[int, int], bits: int
) -> None:
    forms = await forms_of(world, lists, status_list_id)
    for _, listed in (token_of_jwt(forms[STATUSLIST_JWT]), token_of_cwt(forms[STATUSLIST_CWT])):
        assert (listed.bits, listed.not_zero()) == (bits, expected)


def credentials_in(forms: dict[str, bytes]) -> list[dict[str, object]]:
    """The list credential of each W3C form; all of them are the same but for their proof."""
    embedded = json.loads(forms[EMBEDDED])
    documents = [json.loads(jws(forms[VC_JWT]).payload), json.loads(sign1(forms[VC_COSE]).payload)]
    assert documents == [{name: value for name, value in embedded.items() if name != "proof"}] * 2
    return [embedded, *documents]
