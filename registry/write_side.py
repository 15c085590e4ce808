"""The write side without its door, for commands that change something and end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from registry.app import Opened, Process
from registry.deployment import attached
from registry.domain.names import LogName, log_name
from registry.errors import SettingsRefused
from registry.lifetime import Databases
from registry.settings import load


@asynccontextmanager
async def write_side(log: str) -> AsyncIterator[tuple[Opened, LogName]]:
    """Yield what changes *log*, listening on nothing; raise `SettingsRefused` if there is no such log here."""
    async with attached(load()) as settings:
        name = log_name(log)
        if name not in settings.origins:
            raise SettingsRefused(f"There is no log {log!r} here; REGISTRY_LOGS names {', '.join(settings.origins)}.")
        process = Process(settings, Databases.of(settings), door=True, projecting=False, listening=False)
        async with process.running() as opened:
            yield opened, name
