"""Published lists as files: what lies there is what was published, always whole, and mended when it is not."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from projections.status_lists.files import behind as looks
from projections.status_lists.files import directory, disk, following
from projections.status_lists.files.behind import behind
from projections.status_lists.files.directory import Directory
from projections.status_lists.files.following import publish_files_for_ever
from projections.status_lists.files.object_store import Objects, open_store
from projections.status_lists.files.opening import open_target
from projections.status_lists.files.publish import BATCH, FilePublisher
from projections.status_lists.files.target import Fault, Overtaken, TargetFailed
from registry.errors import SettingsRefused
from tests.builders import LOG
from tests.clock import FakeClock
from tests.projections.status_lists_world import World, indices_in, list_of, open_world
from tests.servers import TestDatabase


@pytest.fixture
async def world(database: TestDatabase, clock: FakeClock, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, clock, tmp_path / "heads") as opened:
        yield opened


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "files"


class Monotonic:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def files_of(world: World, target: Any, **differently: Any) -> FilePublisher:
    return FilePublisher(world.pool, target, clock=world.clock, **differently)


async def settle(publisher: FilePublisher) -> None:
    """Step until nothing waits."""
    while await publisher.step():
        pass


async def published(world: World) -> dict[tuple[UUID, str], tuple[bytes, bytes]]:
    """What the service would answer, by list and form: identity and gzip."""
    rows = await world.root.fetch(
        "SELECT status_list_id, 'application/vc' AS media_type, body AS content, gzip"
        "  FROM projections.published_status_lists WHERE body IS NOT NULL"
        " UNION ALL SELECT status_list_id, media_type, content, gzip FROM projections.published_forms"
    )
    return {(row["status_list_id"], row["media_type"]): (row["content"], row["gzip"]) for row in rows}


SUFFIX = {"application/vc": "vc.json", "application/vc+jwt": "vc.jwt", "application/statuslist+jwt": "statuslist.jwt"}


async def assert_as_published(world: World, root: Path) -> None:
    forms = await published(world)
    assert forms
    for (status_list_id, media_type), (content, compressed) in forms.items():
        folder = root / LOG / "status-lists" / str(status_list_id)
        assert (folder / SUFFIX[media_type]).read_bytes() == content
        assert (folder / f"{SUFFIX[media_type]}.gz").read_bytes() == compressed
    for status_list_id in {status_list_id for status_list_id, _ in forms}:
        folder = root / LOG / "status-lists" / str(status_list_id)
        assert {path.name.removesuffix(".gz") for path in folder.iterdir()} == {
            "fresh", *(SUFFIX[one] for other, one in forms if other == status_list_id)
        }  # fmt: skip


async def begun(world: World) -> UUID:
    """A published issuer; its revocation list."""
    issuer_id = world.issuer()
    world.token_list(issuer_id, bits=2)
    await world.project()
    await world.publisher().publish(LOG)
    return list_of(issuer_id)


async def revoke(world: World, number: int) -> None:
    issuer_id = next(
        iter({entry.event.issuer_id for entry in world.history.recorded if hasattr(entry.event, "issuer_id")})
    )
    world.history.revoke(issuer_id, f"c:{number}")
    await world.project()
    world.clock.advance(seconds=15)
    await world.publisher().publish(LOG)


async def test_every_form_of_every_list_is_a_file_and_a_publication_replaces_them(world: World, root: Path):
    revocations = await begun(world)
    publisher = files_of(world, Directory(root))
    await settle(publisher)
    await assert_as_published(world, root)
    for number in range(3):
        await revoke(world, number)
        await settle(publisher)
        await assert_as_published(world, root)
    assert indices_in((root / LOG / "status-lists" / str(revocations) / "vc.json").read_bytes()) == {0, 1, 2}
    versions = root / LOG / "versions" / str(revocations)
    assert len(list(versions.iterdir())) == 2  # this one, and the one before


def modes(root: Path) -> tuple[set[int], set[int]]:
    """Of files and of folders."""
    every = list(root.rglob("*"))
    return tuple({path.stat().st_mode & 0o777 for path in every if kind(path)} for kind in (Path.is_file, Path.is_dir))


async def test_marks_say_when_a_max_age_that_is_told_ends_within_the_validity(world: World, root: Path):
    revocations = await begun(world)
    await settle(files_of(world, Directory(root)))
    [valid_until] = [row["valid_until"] for row in await world.rows() if row["status_list_id"] == revocations]
    folder = root / LOG / "status-lists" / str(revocations)
    marks = {path.name for path in (folder / "fresh").iterdir()}
    now, end = int(world.clock().timestamp()), int(valid_until.timestamp())
    for moment in (*range(now, end + 2000, 100), end - 60, end - 61):
        if f"60-{moment // 1000}" in marks:
            assert moment + 60 < end
        else:
            assert moment > end - 60 - 1000
    assert modes(root / LOG / "versions") == ({0o644}, {0o755})


async def test_no_two_files_of_a_list_ever_share_size_and_time_of_which_nginx_makes_the_entity_tag(
    world: World, root: Path
):
    revocations = await begun(world)
    publisher = files_of(world, Directory(root))
    folder, seen = root / LOG / "status-lists" / str(revocations), set[int]()
    for number in range(4):
        await settle(publisher)
        times = {int(path.stat().st_mtime) for path in folder.iterdir() if path.is_file()}
        assert len(times) == 6
        assert not times & seen
        seen |= times
        world.history.revoke(world.history.recorded[-1].event.issuer_id, f"c:{number}")
        await world.project()
        await world.publisher().publish(LOG)  # within the same second


@pytest.mark.parametrize(
    "harm",
    [
        lambda link: link.unlink(),
        lambda link: (link / "vc.json").unlink(),
        lambda link: (link / "vc.json").write_bytes(b"{}"),
        lambda link: (link / "vc.jwt.gz").write_bytes(b""),
        lambda link: next((link / "fresh").iterdir()).unlink(),
        lambda link: (link / "fresh" / "60-99999999").touch(),
        lambda link: (link.unlink(), link.mkdir(), (link / "vc.json").write_bytes(b"{}")),
        lambda link: (link.unlink(), link.write_bytes(b"not a link")),
    ],
    ids=["no link", "no file", "other bytes", "an empty file", "a mark gone", "a mark too many", "a folder", "a file"],
)
async def test_what_was_removed_or_corrupted_is_repaired_in_the_next_round(
    world: World, root: Path, harm: Callable[[Path], Any]
):
    revocations = await begun(world)
    seconds = Monotonic()
    publisher = files_of(world, Directory(root), now_s=seconds, check_s=600)
    await settle(publisher)
    harm(root / LOG / "status-lists" / str(revocations))
    seconds.now = 599
    await settle(publisher)
    assert publisher.progress.repaired == 0
    for seconds.now in range(600, 1800, 100):  # the clock that the publisher reads
        await settle(publisher)
    assert publisher.progress.repaired == 1
    await assert_as_published(world, root)


async def test_what_was_harmed_while_no_process_ran_is_repaired_at_the_start(world: World, root: Path):
    revocations = await begun(world)
    await settle(files_of(world, Directory(root)))
    await revoke(world, 1)
    (root / LOG / "status-lists" / str(revocations) / "vc.json").resolve().write_bytes(b"{}")
    await settle(files_of(world, Directory(root)))
    await assert_as_published(world, root)


async def test_comparing_tells_what_is_wrong_and_repairing_writes_only_that(world: World, root: Path):
    revocations = await begun(world)
    await settle(files_of(world, Directory(root)))
    (root / LOG / "status-lists" / str(revocations) / "vc.jwt").resolve().write_bytes(b"e30.e30.")
    publisher, heard = files_of(world, Directory(root)), []
    found = await publisher.compare_all(lambda *told: heard.append(told))
    assert [(log, fault.status_list_id, fault.sentence) for log, fault in found] == [
        (LOG, revocations, "vc.jwt is missing, or has other bytes than were signed")
    ]
    assert heard[-1][0] == heard[-1][1] > 1
    assert publisher.progress.written == 0
    assert await behind(world.root, Directory(root), [LOG]) == []  # the doctor reads names
    await publisher.repair(found)
    assert await publisher.compare_all(lambda *_: None) == []
    assert publisher.progress.written == 6  # three forms in two codings


async def test_the_doctor_looks_at_all_lists_or_at_others_each_time(
    world: World, root: Path, monkeypatch: pytest.MonkeyPatch
):
    lists = await publish_many(world)
    monkeypatch.setattr(looks, "SLICE", 7)
    late = await behind(world.root, Directory(root), [LOG])
    assert sorted(late) == [f"{one} (is missing)" for one in lists]
    monkeypatch.setattr(looks, "LOOK_S", 0)
    found = [await behind(world.root, Directory(root), [LOG]) for _ in range(20)]
    assert all(0 < len(one) <= 7 for one in found)
    assert len({one[0] for one in found}) > 1
    await settle(files_of(world, Directory(root)))
    assert await behind(world.root, Directory(root), [LOG]) == []


async def test_a_slow_process_never_writes_the_past_over_what_another_one_wrote(world: World, root: Path):
    """It is stopped where it has read what it will write; the other waits for its turn, and has the last word."""
    await begun(world)
    slow_target, quick_target = Directory(root), Directory(root)
    has_read, may_write = asyncio.Event(), asyncio.Event()
    write = slow_target.write

    async def write_late(lists: Any) -> list[int | Exception]:
        has_read.set()
        await may_write.wait()
        return await write(lists)

    slow_target.write = write_late  # type: ignore[method-assign]
    slow = asyncio.create_task(settle(files_of(world, slow_target)))
    await has_read.wait()
    await revoke(world, 2)
    quick = asyncio.create_task(settle(files_of(world, quick_target)))
    for _ in range(5):
        await asyncio.sleep(directory.LOCK_S)
    assert not quick.done()
    may_write.set()
    await asyncio.gather(slow, quick)
    await assert_as_published(world, root)


async def test_a_process_that_never_lets_the_lock_go_is_told(world: World, root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(directory, "PATIENCE_S", 0.1)
    await begun(world)
    publisher = files_of(world, Directory(root))
    disk.folder(root / LOG)
    with (root / LOG / ".lock").open("w") as stuck:
        fcntl.flock(stuck, fcntl.LOCK_EX)
        with pytest.raises(TargetFailed, match=r"holds it.*\.lock"):
            await settle(publisher)
        assert publisher.progress.pending
    await settle(publisher)
    await assert_as_published(world, root)


async def test_a_disk_that_does_not_answer_keeps_nothing_else_waiting(
    world: World, root: Path, monkeypatch: pytest.MonkeyPatch
):
    """Of the process it keeps one thread; the lock that it gets late is no one's."""
    await begun(world)
    answers, really = threading.Event(), os.open

    def late(path: Any, *how: Any) -> int:
        if Path(path).name == ".lock":
            assert threading.current_thread() is not threading.main_thread()
            answers.wait(60)
        return really(path, *how)

    monkeypatch.setattr(directory.os, "open", late)
    publisher = files_of(world, Directory(root))
    with monkeypatch.context() as patched:
        patched.setattr(directory, "PATIENCE_S", 0.1)
        with pytest.raises(TargetFailed, match="does not answer"):
            await settle(publisher)
    answers.set()
    await settle(publisher)
    await assert_as_published(world, root)


async def test_a_reader_that_resolved_a_version_can_still_open_it_after_the_next_publication(world: World, root: Path):
    revocations = await begun(world)
    publisher = files_of(world, Directory(root))
    await settle(publisher)
    resolved = (root / LOG / "status-lists" / str(revocations) / "vc.json").resolve()
    before = resolved.read_bytes()
    await revoke(world, 0)
    await settle(publisher)
    assert resolved.read_bytes() == before


async def test_a_full_disk_is_told_and_written_to_when_there_is_room(
    world: World, root: Path, monkeypatch: pytest.MonkeyPatch
):
    await begun(world)
    publisher = files_of(world, Directory(root))
    await settle(publisher)
    await revoke(world, 3)
    real, room = os.write, False

    def no_room(handle: int, content: Any) -> int:
        if room:
            return real(handle, content)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk.os, "write", no_room)
    with pytest.raises(TargetFailed, match="No space left on device"):
        await settle(publisher)
    world.clock.advance(seconds=90)
    assert publisher.progress.oldest_s(world.clock()) == 90
    following = asyncio.create_task(publish_files_for_ever(publisher, wake=asyncio.Event()))
    while publisher.progress.failures == 0:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert publisher.progress.trouble == "No space left on device."
    room = True
    while publisher.progress.pending:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    following.cancel()
    await assert_as_published(world, root)
    assert publisher.progress.oldest_s(world.clock()) == 0


async def publish_many(world: World, issuers: int = 30) -> list[UUID]:
    """Publish more lists than one turn writes; their ids, in order."""
    for number in range(issuers):
        world.history.issuer(f"issuer-{number}")
    await world.project()
    await world.publisher().publish(LOG)
    lists = sorted({status_list_id for status_list_id, _ in await published(world)})
    assert len(lists) > BATCH
    return lists


def obstruct(root: Path, status_list_id: UUID) -> Path:
    """Let nothing of the list be written, whoever writes; what lies in the way."""
    versions = root / LOG / "versions" / str(status_list_id)
    shutil.rmtree(versions, ignore_errors=True)
    disk.folder(versions.parent)
    versions.write_bytes(b"in the way")
    return versions


async def test_a_list_that_cannot_be_written_keeps_no_other_waiting(world: World, root: Path):
    lists = await publish_many(world)
    in_the_way = [obstruct(root, one) for one in lists[::7]]
    publisher = files_of(world, Directory(root))
    for _ in range(3):
        with pytest.raises(TargetFailed):
            await settle(publisher)
        assert sorted(one for _, one in publisher.progress.pending) == lists[::7]
    for one in in_the_way:
        one.unlink()
    await settle(publisher)
    await assert_as_published(world, root)
    assert not publisher.progress.pending


async def test_what_is_harmed_is_repaired_also_while_another_list_cannot_be_written(world: World, root: Path):
    harmed, obstructed = (await publish_many(world))[:2]
    publisher = files_of(world, Directory(root), now_s=(seconds := Monotonic()))
    await settle(publisher)
    obstruct(root, obstructed)
    (root / LOG / "status-lists" / str(harmed)).unlink()
    for seconds.now in range(600, 1800, 100):
        with suppress(TargetFailed):
            await settle(publisher)
    assert [one for _, one in publisher.progress.pending] == [obstructed]
    assert (root / LOG / "status-lists" / str(harmed) / "vc.json").exists()


async def test_a_publication_does_not_wait_for_the_next_attempt_at_what_failed(
    world: World, root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(following, "POLL_S", 600)
    monkeypatch.setattr(following, "_LONGEST_BACKOFF_S", 600)
    revocations = await begun(world)
    obstruct(root, next(one for one, _ in await published(world) if one != revocations))
    publisher, wake = files_of(world, Directory(root)), asyncio.Event()
    working = asyncio.create_task(publish_files_for_ever(publisher, wake=wake))
    async with asyncio.timeout(30):
        while publisher.progress.failures == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await revoke(world, 3)
        wake.set()
        path = root / LOG / "status-lists" / str(revocations) / "vc.json"
        while indices_in(path.read_bytes()) != {3}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    working.cancel()


def marks_of(root: Path, status_list_id: UUID) -> set[str]:
    return disk.names_in(root / LOG / "status-lists" / str(status_list_id) / "fresh")


async def test_what_cannot_be_written_is_left_to_the_service_until_it_can(
    world: World, root: Path, monkeypatch: pytest.MonkeyPatch
):
    revocations = await begun(world)
    [suspensions] = [row["status_list_id"] for row in await world.rows() if row["purpose"] == "suspension"]
    publisher = files_of(world, Directory(root))
    await settle(publisher)
    before = marks_of(root, revocations)
    await revoke(world, 3)
    with monkeypatch.context() as patched:
        patched.setattr(disk.os, "write", no_room)
        with pytest.raises(TargetFailed):
            await publisher.step()
        assert marks_of(root, revocations) == set()
        assert marks_of(root, suspensions)  # of which nothing is new
    await settle(publisher)
    assert marks_of(root, revocations) >= {*sorted(before)[2:]}
    await assert_as_published(world, root)


async def test_of_a_full_disk_every_list_that_is_new_is_left_to_the_service_at_once(
    world: World, root: Path, monkeypatch: pytest.MonkeyPatch
):
    lists = await publish_many(world)
    publisher = files_of(world, Directory(root))
    await settle(publisher)
    world.clock.advance(seconds=7 * 3600)
    await world.publisher().publish(LOG)  # all of them are signed again
    monkeypatch.setattr(disk.os, "write", no_room)
    with pytest.raises(TargetFailed):
        await publisher.step()
    assert not any(marks_of(root, one) for one in lists)


def no_room(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


async def test_files_follow_a_database_that_was_restored(world: World, root: Path):
    await begun(world)
    publisher = files_of(world, Directory(root))
    await settle(publisher)
    await world.root.execute("UPDATE projections.published_status_lists SET sequence = 0, forms_sequence = 0")
    await world.root.execute("UPDATE projections.published_forms SET sequence = 0")
    await world.root.execute("UPDATE projections.published_heads SET sequence = 0")
    await settle(publisher)
    await assert_as_published(world, root)


async def restored_to_before(world: World, status_list_id: UUID) -> None:
    for table in ("published_status_lists", "published_forms"):
        await world.root.execute(f"DELETE FROM projections.{table} WHERE status_list_id = $1", status_list_id)
    await world.root.execute("UPDATE projections.published_heads SET sequence = 0")


async def test_a_list_that_a_restored_database_does_not_know_has_no_files_any_more(world: World, root: Path):
    revocations = await begun(world)
    publisher = files_of(world, Directory(root))
    await settle(publisher)
    (root / LOG / "status-lists" / "README").write_text("of somebody else")
    await restored_to_before(world, revocations)
    await settle(publisher)
    assert str(revocations) not in disk.names_in(root / LOG / "status-lists")
    assert not (root / LOG / "versions" / str(revocations)).exists()
    assert (root / LOG / "status-lists" / "README").exists()
    await assert_as_published(world, root)
    assert not publisher.progress.pending


async def test_what_is_of_no_list_is_told_and_removed_by_hand(world: World, root: Path):
    revocations = await begun(world)
    publisher = files_of(world, Directory(root))
    await settle(publisher)
    await restored_to_before(world, revocations)
    found = await publisher.compare_all(lambda *_: None)
    assert [(log, fault.status_list_id, fault.sentence) for log, fault in found] == [
        (LOG, revocations, "is not published")
    ]
    await publisher.repair(found)
    assert await publisher.compare_all(lambda *_: None) == []


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("files", "no absolute path"),
        ("ftp://host/files", "ftp:// is not known"),
        ("s3://", "REGISTRY_FILES: "),
    ],
)
def test_a_setting_that_names_no_target_is_refused_with_a_sentence(where: str, sentence: str):
    with pytest.raises(SettingsRefused, match=sentence):
        open_target(where)


def test_a_directory_may_be_named_as_a_url(tmp_path: Path):
    assert open_target(f"file://{tmp_path}/my%20files").name == f"{tmp_path}/my files"


# ── an object store ──────────────────────────────────────────────────────────────────────────────────────────


async def objects_of(target: Objects) -> dict[str, tuple[bytes, dict[str, str]]]:
    import obstore

    found = {}
    for page in obstore.list(target._store):
        for meta in page:
            got = await obstore.get_async(target._store, meta["path"])
            found[meta["path"]] = (bytes(await got.bytes_async()), dict(got.attributes))
    return found


async def assert_stored_as_published(world: World, target: Objects) -> None:
    expected, forms = {}, await published(world)
    headers = {"Cache-Control": "public, max-age=60"}
    for (status_list_id, media_type), (content, compressed) in forms.items():
        of_form = {**headers, "Content-Type": media_type}
        path = f"{LOG}/status-lists/{status_list_id}"
        expected[f"{path}/{SUFFIX[media_type]}"] = (content, of_form)
        expected[f"{path}/{SUFFIX[media_type]}.gz"] = (compressed, {**of_form, "Content-Encoding": "gzip"})
        if media_type == next(one for one in SUFFIX if (status_list_id, one) in forms):
            expected[path] = (content, of_form)
    assert await objects_of(target) == expected


def memory() -> Objects:
    return Objects(open_store("memory:///"), "memory:///")


async def test_objects_carry_their_headers_and_follow_publications(world: World):
    await begun(world)
    target = memory()
    publisher = files_of(world, target)
    await settle(publisher)
    await assert_stored_as_published(world, target)
    await revoke(world, 1)
    await settle(publisher)
    await assert_stored_as_published(world, target)


async def test_an_object_that_somebody_changed_or_removed_is_repaired(world: World):
    import obstore

    revocations = await begun(world)
    target, seconds = memory(), Monotonic()
    publisher = files_of(world, target, now_s=seconds)
    await settle(publisher)
    path = f"{LOG}/status-lists/{revocations}"
    await obstore.put_async(target._store, f"{path}/vc.json", b"{}")
    await obstore.delete_async(target._store, f"{path}/vc.jwt.gz")
    for seconds.now in range(600, 1800, 100):
        await settle(publisher)
    await assert_stored_as_published(world, target)
    other = files_of(world, Objects(target._store, "memory:///"))
    await settle(other)  # has seen nothing, compares everything, writes nothing
    assert other.progress.written == 0


async def test_by_hand_what_another_one_changes_meanwhile_is_written_nevertheless(world: World):
    import obstore

    revocations = await begun(world)
    target = memory()
    publisher, path = files_of(world, target), f"{LOG}/status-lists/{revocations}/vc.json"
    await settle(publisher)
    await obstore.put_async(target._store, path, b"{}")
    found = await publisher.compare_all(lambda *_: None)
    assert len(found) == 1
    await obstore.put_async(target._store, path, b"{ }")
    await publisher.repair(found)
    await assert_stored_as_published(world, target)


async def test_by_hand_what_is_not_mended_is_told(world: World):
    revocations = await begun(world)
    target = memory()
    publisher = files_of(world, target)

    async def overtaken(lists: Any) -> list[int | Exception]:
        return [Overtaken() for _ in lists]

    target.write = overtaken  # type: ignore[method-assign]
    with pytest.raises(TargetFailed, match="Another process"):
        await publisher.repair([(LOG, Fault(revocations, "is missing"))])


async def test_a_slow_process_never_puts_the_past_over_an_object_of_another_one(world: World):
    await begun(world)
    first = memory()
    second = Objects(first._store, "memory:///")
    slow, quick = files_of(world, first), files_of(world, second)
    await settle(slow)
    await settle(quick)
    has_read, may_write = asyncio.Event(), asyncio.Event()
    write = first.write

    async def write_late(lists: Any) -> list[int | Exception]:
        has_read.set()
        await may_write.wait()
        return await write(lists)

    first.write = write_late  # type: ignore[method-assign]
    await revoke(world, 1)
    late = asyncio.create_task(settle(slow))
    await has_read.wait()
    await revoke(world, 2)
    await settle(quick)
    await assert_stored_as_published(world, second)
    may_write.set()
    await late
    await assert_stored_as_published(world, second)


async def test_a_list_that_a_restored_database_does_not_know_has_no_objects_any_more(world: World):
    revocations = await begun(world)
    target = memory()
    await settle(files_of(world, target))
    await restored_to_before(world, revocations)
    await settle(files_of(world, Objects(target._store, "memory:///")))
    await assert_stored_as_published(world, target)


async def test_a_form_that_is_published_no_longer_leaves_no_object(world: World):
    await begun(world)
    target = memory()
    publisher = files_of(world, target)
    await settle(publisher)
    await world.root.execute(
        "UPDATE projections.published_status_lists SET media_types = array_remove(media_types, 'application/vc+jwt'),"
        " sequence = sequence + 1, forms_sequence = forms_sequence + 1"
    )
    await world.root.execute("DELETE FROM projections.published_forms WHERE media_type = 'application/vc+jwt'")
    await world.root.execute("UPDATE projections.published_forms SET sequence = sequence + 1")
    await world.root.execute("UPDATE projections.published_heads SET sequence = sequence + 1")
    await settle(publisher)
    await assert_stored_as_published(world, target)
    assert not [path for path in await objects_of(target) if "vc.jwt" in path]
