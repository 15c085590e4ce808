"""Published files in a process that projects, and by hand: `registry publish-files`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from projections.runner import Runner
from projections.status_lists.files.controllers import ControllerFiles
from projections.status_lists.files.directory import Directory
from projections.status_lists.files.following import publish_files_for_ever
from projections.status_lists.files.opening import open_target
from projections.status_lists.files.publish import FilePublisher
from projections.status_lists.files.target import Target, TargetFailed
from registry import upkeep
from registry.errors import SettingsRefused, Unfit
from registry.http.metrics import Metrics
from registry.lifetime import Lifetime
from registry.log.connection import Pool, pool
from registry.settings import Settings
from registry.wiring import utc_now


def keep_files(
    life: Lifetime, settings: Settings, database: Pool, metrics: Metrics, projecting: Runner, wake: asyncio.Event
) -> None:
    """Publish files as long as the process lives, where the settings say where to.

    A directory may be each machine's own, so every process fills its own; an object store is for the one that leads.
    Controller documents go to a directory only: a store cannot stop telling one that nobody compares any more.
    """
    if not settings.files:
        return
    target = open_target(settings.files)
    publisher = FilePublisher(database, target, clock=utc_now, check_s=settings.files_check_s)
    told = [publisher.progress]
    if isinstance(target, Directory):
        life.stack.callback(target.close)
        work = publish_files_for_ever(publisher, wake=wake)
        documents = ControllerFiles(database, target, utc_now, settings.validity_s, settings.files_check_s)
        told.append(documents.progress)
        life.background(publish_files_for_ever(documents, wake=asyncio.Event()), "publishing controller documents")
    else:
        work = publish_files_for_ever(publisher, wake=wake, may_write=lambda: projecting.is_leading)
    life.background(work, "publishing files")
    life.background(upkeep.tell_files(told, metrics), "files' metrics")


@dataclass(frozen=True, slots=True)
class Report:
    """What `registry publish-files` found."""

    where: str
    compared: int
    faults: tuple[str, ...]
    """One sentence for each list that was not as published."""
    written: int


async def compare(settings: Settings, dsn: str, told: Callable[[int, int], None], *, repairing: bool) -> Report:
    """Compare every file with what is published, and write what differs if *repairing*; raise `Unfit` if it cannot."""
    if not settings.files:
        raise SettingsRefused(
            "REGISTRY_FILES is not set; give it the value that `registry project` has: the directory or object store "
            "of the published files."
        )
    target = open_target(settings.files)
    if repairing and isinstance(target, Directory):
        _refuse_for_another(target)
    compared = 0

    def count(done: int, total: int) -> None:
        nonlocal compared
        compared = done
        told(done, total)

    async with await pool(dsn, size=2) as connections:
        publisher = FilePublisher(connections, target, clock=utc_now)
        try:
            found = await publisher.compare_all(count)
            if repairing:
                await publisher.repair(found)
            documents = await _documents(settings, connections, target, repairing=repairing)
        except TargetFailed as error:
            raise Unfit(f"{target.name}: {error}") from error
    sentences = tuple(f"{log}: list {fault.status_list_id} {fault.sentence}" for log, fault in found)
    written = publisher.progress.written + (len(documents) if repairing else 0)
    return Report(target.name, compared, (*sentences, *documents), written)


def _refuse_for_another(target: Directory) -> None:
    """Raise `Unfit` where root would leave files that `registry project` could neither replace nor withdraw."""
    try:
        owner = Path(target.name).stat().st_uid
    except OSError:
        return  # it is told when it is written to
    if os.geteuid() == 0 != owner:
        raise Unfit(
            f"{target.name} belongs to the user {owner}, who could not replace what root writes there; run this as "
            "that user, or only look with --check."
        )


async def _documents(settings: Settings, connections: Pool, target: Target, *, repairing: bool) -> list[str]:
    """Return a sentence for each controller document that is not as it should be; write it if *repairing*."""
    if not isinstance(target, Directory):
        return []
    return await ControllerFiles(connections, target, utc_now, settings.validity_s).compare_all(repairing=repairing)
