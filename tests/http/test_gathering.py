"""Concurrent lookups share queries; nobody waits for a timer, and nobody's failure is another's."""

import asyncio

import pytest

from registry.http.gathering import Gathering


class View:
    """Answers when told to, and remembers what it was asked."""

    def __init__(self):
        self.batches = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, log, queries):
        self.batches.append(list(queries))
        await self.gate.wait()
        return [f"{log} {identifier} {issuer}" for identifier, issuer in queries]


async def test_lookups_of_one_turn_are_one_query_and_each_gets_its_answer():
    view = View()
    gathering = Gathering(view)
    queries = [(f"urn:{number}", None) for number in range(50)]
    answers = await asyncio.gather(*(gathering.find("main", query) for query in queries))
    assert answers == [f"main {identifier} None" for identifier, _ in queries]
    assert view.batches == [queries]


async def test_what_arrives_while_queries_are_under_way_shares_the_next_one():
    view = View()
    view.gate.clear()
    gathering = Gathering(view, at_once=1)
    first = asyncio.ensure_future(gathering.find("main", ("a", None)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.ensure_future(gathering.find("main", (name, None))) for name in "bcb"]
    for _ in range(5):
        await asyncio.sleep(0)
    assert view.batches == [[("a", None)]]
    view.gate.set()
    assert await first == "main a None"
    assert await asyncio.gather(*others) == ["main b None", "main c None", "main b None"]
    assert view.batches[1:] == [[("b", None), ("c", None)]]


async def test_a_batch_is_bounded_and_logs_do_not_mix():
    view = View()
    gathering = Gathering(view, largest=3)
    asked = [gathering.find(log, (str(number), None)) for number in range(7) for log in ("main", "other")]
    await asyncio.gather(*asked)
    assert max(map(len, view.batches)) == 3
    assert sum(map(len, view.batches)) == 14


async def test_a_failure_reaches_all_who_waited_and_the_next_lookup_asks_again():
    failing = True

    async def view(_, queries):
        if failing:
            raise ConnectionResetError
        return [None for _ in queries]

    gathering = Gathering(view)
    outcomes = await asyncio.gather(*(gathering.find("main", (name, None)) for name in "ab"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionResetError, ConnectionResetError]
    failing = False
    assert await gathering.find("main", ("a", None)) is None


async def test_a_caller_that_leaves_takes_nobody_with_it():
    view = View()
    view.gate.clear()
    gathering = Gathering(view)
    leaving = asyncio.ensure_future(gathering.find("main", ("a", None)))
    staying = asyncio.ensure_future(gathering.find("main", ("a", None)))
    await asyncio.sleep(0)
    leaving.cancel()
    view.gate.set()
    assert await staying == "main a None"
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_an_answer_of_the_wrong_length_is_a_failure_not_a_wait_for_ever():
    async def view(_, __):
        return []

    with pytest.raises(ValueError, match="zip"):
        await Gathering(view).find("main", ("a", None))
