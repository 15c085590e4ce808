"""The write side of a process: its own sequencers, or a line to the process that has them."""

from __future__ import annotations

from dataclasses import dataclass

from projections.status_lists.view import PublishedLists
from registry.commands.handed_over import HandedOver, Line
from registry.commands.list_sets import ListSetKeeper
from registry.commands.sequenced import Sequenced
from registry.commands.taking import Taking
from registry.domain.names import LogName
from registry.http.metrics import Metrics
from registry.lifetime import Lifetime
from registry.log.connection import Pool
from registry.log.lease import Lease
from registry.log.sequencer import Limits, Sequencer
from registry.part import Part
from registry.settings import Settings
from registry.vault.keys import Vault
from registry.wiring import Observer, did_of, stream_reader, utc_now


@dataclass(frozen=True, slots=True)
class WriteSide:
    """Opens what decides and appends, in the process that *life* is of."""

    life: Lifetime
    settings: Settings
    metrics: Metrics
    reader: Pool
    vault: Vault

    def sequenced(self, lists: PublishedLists) -> tuple[Sequenced, ListSetKeeper]:
        """Open sequencers, and what opens sets of lists in time."""
        settings, origins = self.settings, self.settings.origins
        sequencers = {log: self._sequencer(log) for log in origins}
        keeper = ListSetKeeper(
            sequencers, origins, self.vault, lists.published_of, clock=utc_now, size=settings.list_size
        )
        self.life.stack.push_async_callback(keeper.close)
        read_stream = stream_reader(self.reader)
        commands = Sequenced(
            sequencers, keeper, self.vault, clock=utc_now, did_of=did_of(origins), read_stream=read_stream
        )
        return commands, keeper

    async def taking(self, commands: Sequenced, part: Part) -> Taking:
        """Take commands of the other parts."""
        taking = Taking(commands, most=self.settings.queue_size)
        self.life.stack.push_async_callback(taking.close)
        await taking.serve(part.commands)
        return taking

    def handed_over(self, part: Part) -> HandedOver:
        """Hand commands to the part that sequences."""
        line = Line(part.commands, most=self.settings.queue_size)
        self.life.background(line.run(), "handing commands over")
        how = did_of(self.settings.origins)
        return HandedOver(line, self.vault, clock=utc_now, did_of=how, read_stream=stream_reader(self.reader))

    def _sequencer(self, log: LogName) -> Sequencer:
        sequencer = Sequencer(
            log,
            self.life.to_write,
            Lease(log, self.life.direct),
            clock=utc_now,
            observer=Observer(self.metrics),
            limits=Limits(waiting=self.settings.queue_size),
        )
        self.life.background(sequencer.run(), f"sequencing {log}")
        return sequencer
