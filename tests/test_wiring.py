"""What one room is handed of another."""

from __future__ import annotations

from functools import partial

import pytest

from projections.issuer_directory.view import method
from registry.domain.names import issuer_stream
from registry.errors import NotYetVisible
from registry.wiring import _in_halves, until_published
from tests.builders import LOG, History, a_method
from tests.projections.reading import projected


async def test_a_key_signs_when_its_did_document_lists_it(database):
    history = History()
    state = history.states[issuer_stream(history.issuer("college"))]
    async with projected(database, history) as conn:
        wait = until_published(partial(method, conn), within_s=0)
        await wait(LOG, state.method)
        with pytest.raises(NotYetVisible, match="not in its DID document yet"):
            await wait(LOG, a_method(state.did, 2))
        await wait(LOG, a_method("did:key:z6Mk1"))  # is its own document


async def test_a_key_that_was_listed_once_is_not_looked_for_again(database):
    history = History()
    state = history.states[issuer_stream(history.issuer("college"))]
    async with projected(database, history) as conn:
        wait = until_published(partial(method, conn), within_s=0)
        await wait(LOG, state.method)
    await wait(LOG, state.method)  # the connection is closed


@pytest.mark.parametrize("number", [0, 1, 199, 200, 201, 1_001])
async def test_an_id_that_is_asked_about_again_is_read_once_and_has_one_answer(number: int) -> None:
    reads: list[str] = []

    async def view(_: object, ids: list[str]) -> list[str]:
        reads.extend(ids)
        return [f"{one} as of read {len(reads)}" for one in ids]

    ids = [f"urn:{n}" for n in range(number)]
    told = await _in_halves(view)("main", [*ids, *reversed(ids)])
    assert sorted(reads) == sorted(ids)
    assert told[:number] == told[number:][::-1]
    assert [one.split(" ")[0] for one in told[:number]] == ids
