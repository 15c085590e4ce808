"""Controller documents as files: what the directory says, for no longer than somebody compares it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from projections.issuer_directory.controller import document_at
from projections.issuer_directory.projector import ISSUER_DIRECTORY
from projections.issuer_directory.view import issuer, methods
from projections.runner import Runner
from projections.status_lists.files import controllers, disk
from projections.status_lists.files.behind import behind
from projections.status_lists.files.controllers import ControllerFiles
from projections.status_lists.files.directory import Directory
from projections.status_lists.files.target import TargetFailed
from registry.domain.events import VerificationMethod
from registry.domain.mechanisms import KeyAlgorithm
from registry.securing.public_key import PublicKey
from tests import builders
from tests.builders import LOG, a_method
from tests.clock import FakeClock
from tests.projections.status_lists_world import World, open_world
from tests.servers import TestDatabase

VALIDITY_S = 12 * 3600


def with_a_key(did: str, number: int = 1) -> VerificationMethod:
    """A verification method whose key is one."""
    key = PublicKey(KeyAlgorithm.ED25519, hashlib.sha256(f"{did} {number}".encode()).digest())
    return a_method(did, number).model_copy(update={"public_key_multibase": key.multikey()})


@pytest.fixture
async def world(
    database: TestDatabase, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setattr(builders, "a_method", with_a_key)
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


def files_of(world: World, root: Path, **differently: Any) -> ControllerFiles:
    return ControllerFiles(world.pool, Directory(root), world.clock, VALIDITY_S, **differently)


async def project(world: World) -> None:
    await world.write()
    await Runner(world.database.projector, [ISSUER_DIRECTORY]).catch_up()


def path_of(root: Path, slug: str) -> Path:
    return root / LOG / "issuers" / slug / "did.json"


def marks_in(root: Path) -> set[str]:
    return {path.name for path in (root / LOG / "issuers" / ".fresh").iterdir()}


def keys_in(path: Path) -> list[str]:
    return [method["id"] for method in orjson.loads(path.read_bytes())["verificationMethod"]]


async def assert_as_the_directory_says(world: World, root: Path, slug: str) -> None:
    entry = await issuer(world.root, LOG, slug)
    document = document_at(slug, entry.did, await methods(world.root, LOG, slug))
    assert orjson.loads(path_of(root, slug).read_bytes()) == document


async def test_every_issuer_has_a_document_that_follows_its_keys(world: World, root: Path):
    first = world.history.issuer("first")
    world.history.issuer("second")
    await project(world)
    files = files_of(world, root)
    await files.step()
    for slug in ("first", "second"):
        await assert_as_the_directory_says(world, root, slug)
    before = path_of(root, "first").stat()
    world.history.rotate_key(first)
    await project(world)
    await files.step()
    await assert_as_the_directory_says(world, root, "first")
    assert len(keys_in(path_of(root, "first"))) == 2
    assert int(path_of(root, "first").stat().st_mtime) > int(before.st_mtime)  # of which nginx makes the entity tag
    assert path_of(root, "first").stat().st_mode & 0o777 == 0o644


async def test_a_compromised_key_is_in_no_document_any_more(world: World, root: Path):
    issuer_id = world.history.issuer("first")
    await project(world)
    files = files_of(world, root)
    await files.step()
    [compromised] = keys_in(path_of(root, "first"))
    world.history.rotate_key(issuer_id, since=world.clock())
    await project(world)
    await files.step()
    assert len(keys_in(path_of(root, "first"))) == 1
    assert compromised not in keys_in(path_of(root, "first"))


async def test_an_issuer_whose_did_lies_elsewhere_has_no_document(world: World, root: Path):
    world.history.issuer("elsewhere", did="did:web:college.example")
    world.history.issuer("here")
    await project(world)
    await files_of(world, root).step()
    assert not path_of(root, "elsewhere").exists()
    assert path_of(root, "here").exists()


async def test_an_odd_key_keeps_no_other_issuer_from_its_document(
    world: World, root: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patched:
        patched.setattr(builders, "a_method", a_method)  # whose key is none
        world.history.issuer("odd")
    world.history.issuer("sound")
    await project(world)
    await files_of(world, root).step()
    assert path_of(root, "sound").exists()
    assert not path_of(root, "odd").exists()


async def test_marks_say_for_how_long_documents_may_be_told(world: World, root: Path):
    world.history.issuer("first")
    await project(world)
    files = files_of(world, root)
    for _ in range(3):
        await files.step()
        second, there = int(world.clock().timestamp()), marks_in(root)
        assert {f"now-{second // 100}", f"now-{(second + 99) // 100}"} <= there
        assert f"now-{(second + 200) // 100}" not in there
        assert {f"away-{moment // 1000}" for moment in range(second, second + VALIDITY_S - 1000, 500)} <= there
        assert f"away-{(second + VALIDITY_S) // 1000}" not in there
        world.clock.advance(seconds=2345)


async def test_what_was_harmed_is_repaired_in_the_next_round_and_at_the_start(world: World, root: Path):
    for slug in ("first", "second", "third"):
        world.history.issuer(slug)
    await project(world)
    time = Monotonic()
    files = files_of(world, root, check_s=600, now_s=time)
    await files.step()

    def harm() -> None:
        path_of(root, "first").write_bytes(b"{}")
        path_of(root, "second").unlink()
        disk.folder(path_of(root, "unknown").parent)
        path_of(root, "unknown").write_bytes(b"{}")

    harm()
    await files.step()
    assert path_of(root, "first").read_bytes() == b"{}"  # not before its time
    time.now = 601
    await files.step()
    for slug in ("first", "second", "third"):
        await assert_as_the_directory_says(world, root, slug)
    assert not path_of(root, "unknown").exists()
    assert files.progress.repaired == 2

    harm()
    told = await files_of(world, root).compare_all(repairing=False)
    assert len(told) == 3
    assert path_of(root, "first").read_bytes() == b"{}"
    assert await files_of(world, root).compare_all(repairing=True) == told
    assert await files_of(world, root).compare_all(repairing=True) == []


async def test_the_doctor_tells_of_documents_that_are_not_as_they_should_be(
    world: World, root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(controllers, "PAGE", 2)
    slugs = [f"issuer-{number}" for number in range(5)]
    for slug in slugs:
        world.history.issuer(slug)
    await project(world)
    target = Directory(root)
    assert len(await behind(world.root, target, [LOG])) == 5
    assert not disk.names_in(root)
    await files_of(world, root).step()
    assert await behind(world.root, target, [LOG]) == []
    path_of(root, "issuer-1").write_bytes(b"{}")
    path_of(root, "issuer-4").unlink()
    assert await behind(world.root, target, [LOG]) == [
        f"{LOG}: {path_of(root, 'issuer-1')} is not what the directory says",
        f"{LOG}: {path_of(root, 'issuer-4')} is missing",
    ]


async def test_documents_that_cannot_be_written_are_told_no_longer(
    world: World, root: Path, monkeypatch: pytest.MonkeyPatch
):
    issuer_id = world.history.issuer("first")
    await project(world)
    files = files_of(world, root)
    await files.step()
    assert marks_in(root)
    world.history.rotate_key(issuer_id)
    await project(world)
    with monkeypatch.context() as patched:
        patched.setattr(disk.os, "write", no_room)
        with pytest.raises(TargetFailed):
            await files.step()
        assert marks_in(root) == set()
    await files.step()
    await assert_as_the_directory_says(world, root, "first")
    assert marks_in(root)


def no_room(*_: object) -> int:
    raise OSError(28, "No space left on device")


async def test_documents_follow_a_database_that_was_restored(world: World, root: Path):
    world.history.issuer("first")
    await project(world)
    kept = world.written
    rotated = world.history.issuer("second")
    world.history.rotate_key(rotated)
    await project(world)
    files = files_of(world, root)
    await files.step()
    for table in ISSUER_DIRECTORY.tables:
        await world.root.execute(f"DELETE FROM issuer_directory_1.{table} WHERE position > $1", kept)
    await files.step()
    assert path_of(root, "first").exists()
    assert not path_of(root, "second").exists()


async def test_many_issuers_are_read_page_by_page(world: World, root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(controllers, "PAGE", 2)
    slugs = [f"issuer-{number}" for number in range(5)]
    for slug in slugs:
        world.history.issuer(slug)
    await project(world)
    await files_of(world, root).step()
    for slug in slugs:
        await assert_as_the_directory_says(world, root, slug)
