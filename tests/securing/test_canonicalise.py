"""The workers: killed, cancelled, flooded, orphaned; and other documents go on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from registry.errors import Malformed, Unavailable, Unfit, UnknownContext, UnsafeDocument
from registry.securing.canonicalise import Canonicaliser, default_workers
from registry.securing.contexts import Contexts
from registry.securing.rdf import canonicalise_here
from registry.securing.worker import frame
from registry.securing.worker_process import WorkerDied, WorkerLimits, WorkerProcess
from tests.securing.conftest import CREDENTIALS_V2

Start = Callable[..., Coroutine[Any, Any, Canonicaliser]]


@pytest.fixture
async def start(contexts: Contexts) -> AsyncIterator[Start]:
    """Starts canonicalisers that are closed, with all their workers, after the test."""
    started: list[Canonicaliser] = []

    async def start(**settings: Any) -> Canonicaliser:
        canonicaliser = Canonicaliser(contexts, **settings)
        started.append(canonicaliser)
        await canonicaliser.start()
        return canonicaliser

    yield start
    for canonicaliser in started:
        await canonicaliser.close()


async def pids(canonicaliser: Canonicaliser) -> list[int]:
    return [(await slot._ready()).pid for slot in canonicaliser._slots]


def endless() -> dict[str, Any]:
    """Half a megabyte in one array, which PyLD compares with itself: minutes of work without any blank node."""
    values = [f"value {n}" for n in range(40_000)]
    return {"@context": CREDENTIALS_V2, "id": "urn:x:y", "type": "VerifiableCredential", "urn:x:p": values}


def interlinked(nodes: int) -> dict[str, Any]:
    """The bomb of wire.md: less than 1 KB that keeps other implementations busy for 18 s."""
    subjects = [{"id": f"_:n{a}", "urn:x:p": [{"id": f"_:n{b}"} for b in range(nodes) if a != b]} for a in range(nodes)]
    return {"@context": CREDENTIALS_V2, "type": "VerifiableCredential", "credentialSubject": subjects}


async def test_a_worker_answers_as_the_function_does(
    start: Start, credential: dict[str, Any], contexts: Contexts
) -> None:
    canonicaliser = await start(workers=1)
    assert await canonicaliser.canonicalise(credential) == canonicalise_here(credential, contexts)


async def test_refusals_keep_their_kind_their_sentence_and_their_members(
    start: Start, credential: dict[str, Any]
) -> None:
    canonicaliser = await start(workers=1)
    with pytest.raises(UnsafeDocument, match="'colour'") as unsafe:
        await canonicaliser.canonicalise(credential | {"colour": "red"})
    assert unsafe.value.extra == {"terms": ["colour"]}
    with pytest.raises(UnknownContext, match=r"https://a\.example") as unknown:
        await canonicaliser.canonicalise(credential | {"@context": ["https://a.example"]})
    assert unknown.value.extra == {"context": "https://a.example"}
    with pytest.raises(Malformed, match="surrogate"):
        await canonicaliser.canonicalise(credential | {"name": "\ud800"})


@pytest.mark.parametrize("nodes", [4, 7, 9, 40])
async def test_the_known_bomb_is_settled_within_the_time_limit_by_the_same_worker(start: Start, nodes: int) -> None:
    canonicaliser = await start(workers=1)
    before = await pids(canonicaliser)
    job = canonicaliser.canonicalise(interlinked(nodes))
    if nodes == 4:
        assert "_:c14n4" in await job
    else:
        with pytest.raises(Malformed, match="cannot be told apart"):
            await job
    assert await pids(canonicaliser) == before


async def test_an_endless_document_is_killed_while_others_go_on(
    start: Start, credential: dict[str, Any], contexts: Contexts
) -> None:
    canonicaliser = await start(workers=2, limits=WorkerLimits(time_limit_s=1))
    before = await pids(canonicaliser)
    hostile = asyncio.create_task(canonicaliser.canonicalise(endless()))
    expected = canonicalise_here(credential, contexts)
    answered = 0
    while not hostile.done():
        assert await canonicaliser.canonicalise(credential) == expected
        answered += 1
    assert answered > 20
    with pytest.raises(Malformed, match="within 1 s"):
        await hostile
    assert len(set(before) & set(await pids(canonicaliser))) == 1, "only the worker of the hostile document is replaced"
    assert await canonicaliser.canonicalise(credential) == expected


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
async def test_after_an_idle_worker_was_ended_the_next_document_works(
    start: Start, credential: dict[str, Any], contexts: Contexts, number: signal.Signals
) -> None:
    canonicaliser = await start(workers=1)
    [worker] = await pids(canonicaliser)
    os.kill(worker, number)
    await gone(worker)
    assert await canonicaliser.canonicalise(credential) == canonicalise_here(credential, contexts)


async def test_a_document_whose_worker_is_killed_goes_to_a_new_one(start: Start) -> None:
    canonicaliser = await start(workers=1, limits=WorkerLimits(time_limit_s=1))
    [worker] = await pids(canonicaliser)
    job = asyncio.create_task(canonicaliser.canonicalise(endless()))
    await until(lambda: seconds_of_processor(worker) > 0.3)
    os.kill(worker, signal.SIGKILL)
    with pytest.raises(Malformed, match="within 1 s"):  # so a second worker had it, for its whole second
        await job
    assert await pids(canonicaliser) != [worker]


async def test_ctrl_c_and_termination_of_the_group_do_not_end_a_worker(
    start: Start, credential: dict[str, Any]
) -> None:
    canonicaliser = await start(workers=1)
    [worker] = await pids(canonicaliser)
    os.kill(worker, signal.SIGINT)
    os.kill(worker, signal.SIGTERM)
    await canonicaliser.canonicalise(credential)
    assert await pids(canonicaliser) == [worker]
    assert os.getpgid(worker) != os.getpgid(0)


async def test_a_caller_who_goes_away_costs_nobody_a_worker(
    start: Start, credential: dict[str, Any], contexts: Contexts
) -> None:
    canonicaliser = await start(workers=1)
    before = await pids(canonicaliser)
    callers = [asyncio.create_task(canonicaliser.canonicalise(credential)) for _ in range(5)]
    await asyncio.sleep(0)
    for caller in callers[:3]:
        caller.cancel()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 3 + [str] * 2
    assert await canonicaliser.canonicalise(credential) == canonicalise_here(credential, contexts)
    assert await pids(canonicaliser) == before


async def test_the_queue_is_bounded(start: Start, credential: dict[str, Any]) -> None:
    canonicaliser = await start(workers=1, max_waiting=3)
    outcomes = await asyncio.gather(
        *(canonicaliser.canonicalise(credential) for _ in range(10)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [str] * 4 + [Unavailable] * 6
    assert await canonicaliser.canonicalise(credential)


async def test_a_document_that_eats_memory_is_refused_and_the_next_one_works(
    start: Start, credential: dict[str, Any]
) -> None:
    canonicaliser = await start(workers=1, limits=WorkerLimits(time_limit_s=30, memory_limit_bytes=100 * 2**20))
    await pids(canonicaliser)
    greedy = credential | {"urn:x:p": [{"id": f"urn:x:{n}", "urn:x:q": [*range(20)]} for n in range(3_900)]}
    with pytest.raises(Malformed, match="memory"):
        await canonicaliser.canonicalise(greedy)
    assert await canonicaliser.canonicalise(credential)


async def test_closing_ends_the_workers_and_fails_what_is_under_way(start: Start, credential: dict[str, Any]) -> None:
    canonicaliser = await start(workers=2)
    workers = await pids(canonicaliser)
    job = asyncio.create_task(canonicaliser.canonicalise(endless()))
    await until(lambda: any(seconds_of_processor(worker) > 0.3 for worker in workers))
    await canonicaliser.close()
    for worker in workers:
        await gone(worker)
    with pytest.raises(Unavailable, match="stopping"):
        await job
    with pytest.raises(Unavailable, match="stopping"):
        await canonicaliser.canonicalise(credential)


async def test_closing_at_once_leaves_no_worker_behind(start: Start) -> None:
    await (await start(workers=2)).close()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_starting_does_not_wait_for_workers(start: Start) -> None:
    canonicaliser = await start(workers=1)
    assert not any(slot._starting is None or slot._starting.done() for slot in canonicaliser._slots)


async def test_workers_end_with_their_parent(contexts: Contexts, tmp_path: Path) -> None:
    """The parent is killed with -9, so nobody tells the worker but the end of its pipe."""
    program = tmp_path / "parent.py"
    program.write_text(
        "import asyncio\n"
        "from registry.securing.contexts import load_contexts\n"
        "from registry.securing.worker_process import WorkerLimits, WorkerProcess\n"
        "async def main():\n"
        "    worker = await WorkerProcess.start(load_contexts(), WorkerLimits())\n"
        "    print(worker.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    root = str(Path(__file__).parents[2])
    parent = await asyncio.create_subprocess_exec(
        sys.executable, str(program), stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
    )
    assert parent.stdout is not None
    worker = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await gone(worker)


async def test_a_busy_worker_ends_itself_when_nobody_ends_it(contexts: Contexts) -> None:
    """Its parent may be gone: the worker's own alarm comes after twice the time limit."""
    worker = await WorkerProcess.start(contexts, WorkerLimits(time_limit_s=0.2))
    async with asyncio.timeout(20):
        with pytest.raises(WorkerDied) as death:
            await worker.ask(frame({"documents": [endless()], "digest": "sha256"}))
    assert death.value.signal == signal.SIGALRM
    await worker.kill()


async def test_a_worker_sees_no_secret_of_the_environment(contexts: Contexts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_MASTER_KEY", "a-secret")
    worker = await WorkerProcess.start(contexts, WorkerLimits())
    try:
        assert b"REGISTRY" not in environment_of(worker.pid)
    finally:
        await worker.kill()


async def test_a_worker_that_cannot_start_says_why(contexts: Contexts) -> None:
    with pytest.raises(Unfit, match="cannot start"):
        await WorkerProcess.start(Contexts({CREDENTIALS_V2: b"{"}), WorkerLimits())


@pytest.mark.parametrize(("cores", "workers"), [(None, 1), (1, 1), (2, 1), (4, 3), (64, 4)])
def test_a_core_is_left_for_everything_else(monkeypatch: pytest.MonkeyPatch, cores: int | None, workers: int) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert default_workers() == workers


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def seconds_of_processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def gone(pid: int) -> None:
    await until(lambda: is_gone(pid))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # another process gives no event
            await asyncio.sleep(0.01)


async def test_a_worker_for_strangers_steps_back(start: Start, credential: dict[str, Any]) -> None:
    canonicaliser = await start(workers=1, limits=WorkerLimits(niceness=5))
    await canonicaliser.canonicalise(credential)
    [pid] = await pids(canonicaliser)
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.nice(0) + 5)
