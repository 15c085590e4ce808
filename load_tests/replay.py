"""What replaying a log into empty projections costs, against COPY of the rows that come out of it: ratio 10.

Ours is what a new version of the projections, or an empty read side, goes through: the runner reads the whole log,
decodes it, fills the tables of all projections with their indexes and makes them live. Theirs is the least that any way
could do: the same rows, written out before, are copied into the same tables with the same indexes, empty and in one
transaction. Both are told in events of the log per second. Afterwards both sides are compared row by row.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from load_tests.comparison import Ratio, interleaved
from load_tests.outcome import Outcome
from load_tests.script import Effort, run
from load_tests.servers import new_home
from projections import generations
from projections.catalog import PROJECTIONS
from projections.compare import fingerprint
from projections.runner import Runner
from registry.domain.names import LogName
from registry.embedded import ensure_database, running
from registry.embedded_roles import OWNER, PROJECTOR
from registry.loading import Plan, load
from registry.log.connection import Connection, Timeouts, connect
from registry.log.migrate import migrate
from registry.stopping import settle_memory
from registry.vault.master import MasterKeys

LOG = LogName("main")
ORIGIN = "https://registry.example"
SECURED = 0.25
"""A quarter of the credentials is issued through the registry, which is an event more for each."""
CREDENTIALS, QUICK_CREDENTIALS = 796_000, 80_000
"""Which make a million events, and a tenth of it: 0.2 % are revoked, as many suspended, half of those reinstated."""
PATIENT = Timeouts(command_s=600, statement_s=600, lock_s=60, idle_in_transaction_s=600)

ratios = [Ratio(10, "replay of the log into empty projections, against COPY of its rows", "ours", ("theirs",), 0.3)]


@dataclass(frozen=True, slots=True)
class Sides:
    """Both ways to the same rows."""

    dsn: str
    """The projector's."""
    conn: Connection
    events: int
    folder: Path
    """Where the rows lie, one file per table."""

    async def ours(self) -> float:
        """Replay into nothing; return events per second."""
        for one in await generations.known(self.conn):
            await self.conn.execute(f"DROP SCHEMA {one.schema} CASCADE")
        await self.conn.execute("TRUNCATE projections.generations, projections.checkpoints")
        began = time.perf_counter()
        await Runner(self.dsn, PROJECTIONS).catch_up()
        return self.events / (time.perf_counter() - began)

    async def theirs(self) -> float:
        """Copy the rows into empty tables; return events per second."""
        await self.conn.execute("DROP SCHEMA IF EXISTS theirs CASCADE; CREATE SCHEMA theirs")
        async with self.conn.transaction():
            await self.conn.execute("SET LOCAL search_path TO theirs")
            for projection in PROJECTIONS:
                await self.conn.execute(projection.schema)
        began = time.perf_counter()
        async with self.conn.transaction():
            for table in _tables():
                source = self.folder / table
                await self.conn.copy_to_table(table, schema_name="theirs", source=source, format="binary")
        return self.events / (time.perf_counter() - began)

    async def write_rows(self) -> int:
        """Write out what a replay made; return how many rows there are."""
        done = 0
        for table in _tables():
            query = f"SELECT * FROM projections.{table}"
            told = await self.conn.copy_from_query(query, output=self.folder / table, format="binary")
            done += int(told.rpartition(" ")[2])
        return done

    async def compare(self) -> None:
        """Raise `AssertionError` unless both sides hold the same rows."""
        live = [one for one in await generations.known(self.conn) if one.is_current]
        for projection in PROJECTIONS:
            (mine,) = [one.schema for one in live if one.projection == projection.name]
            for table in projection.tables:
                ours, theirs = [await fingerprint(self.conn, schema, table) for schema in (mine, "theirs")]
                assert ours == theirs, f"{table}: not the same rows"


def _tables() -> list[str]:
    return [table for projection in PROJECTIONS for table in projection.tables]


@asynccontextmanager
async def sides(credentials: int) -> AsyncIterator[Sides]:
    """Run PostgreSQL with a log of many *credentials*."""
    with new_home() as home:
        async with running(home) as embedded:
            await ensure_database(embedded, "replay")
            owner, projector = (embedded.dsn(user=user, database="replay") for user in (OWNER, PROJECTOR))
            await migrate(owner)
            began = time.perf_counter()
            plan = Plan(credentials=credentials, secured=SECURED)
            head = await load(owner, LOG, ORIGIN, plan, MasterKeys({"a": bytes(32)}))
            print(f"{head.position:,} events written in {time.perf_counter() - began:.0f} s")
            conn = await connect(projector, PATIENT)
            try:
                await generations.prepare(conn)
                yield Sides(projector, conn, head.position, home.parent)
            finally:
                await conn.close()


async def measure(effort: Effort) -> list[Outcome]:
    """Measure both sides on one PostgreSQL."""
    settle_memory()  # as a projecting process does
    async with sides(QUICK_CREDENTIALS if effort.is_quick else CREDENTIALS) as both:
        await both.ours()
        rows = await both.write_rows()
        print(f"{rows:,} rows come out of it")
        await both.theirs()
        samples = await interleaved({"ours": both.ours, "theirs": both.theirs}, effort.rounds)
        await both.compare()
    return [ratio.of(samples, "events/s") for ratio in ratios]


if __name__ == "__main__":
    sys.exit(run("Replaying the log into empty projections", measure, full=Effort(3, 0)))
