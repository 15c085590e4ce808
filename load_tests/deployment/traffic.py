"""What is asked of a deployment, and how each answer is held against what is known: one method for each kind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from load_tests.deployment.client import Answer, Client, NoAnswer, Over
from load_tests.deployment.own import PURPOSES, Asked, Own, latest
from load_tests.deployment.reader import Reader
from load_tests.deployment.version import ONE_BIT, Version, Wrong
from load_tests.deployment.witness import Disagreement, Witness, disagreements
from load_tests.workloads import Mix, Zipf

ENTRIES, LOOKED_UP, AT_LAST = 50, 20, 500
AGREEING_TRIES = 3
OTHERWISE = 0.2
"""The share of reads of whole lists that is for what few verifiers ask for."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose key the run has."""

    slug: str
    key: str

    @property
    def path(self) -> str:
        """Where its credentials are."""
        return f"/issuers/{self.slug}/credentials"


@dataclass(slots=True)
class Known:
    """What there is to ask for, the most popular first."""

    lists: list[str] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)


class Traffic:
    """One run's requests; `work` is one client, of which several run at once."""

    def __init__(
        self,
        client: Client,
        witness: Witness,
        reader: Reader,
        known: Known,
        issuer: Issuer | None,
        *,
        settle_s: float,
        random: Random,
    ) -> None:
        self._client, self._witness, self._reader = client, witness, reader
        self._known, self._issuer, self._settle_s, self._random = known, issuer, settle_s, random
        self._own: list[Own] = []
        self._kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "list": self.read_list,
            "list, unchanged": self.read_list_again,
            "lookup": self.look_up,
            "lookups": self.look_up_several,
            "entries": self.look_up_entries,
            "register": self.register,
            "suspend": self.suspend,
            "reinstate": self.reinstate,
            "revoke": self.revoke,
        }
        self.acknowledged = 0
        """Writes."""

    async def work(self, mix: Mix) -> None:
        """Ask until the bounds are reached; raises `Wrong`."""
        draws = mix.draws(self._random)
        while True:
            try:
                await self._kinds[next(draws)]()
            except NoAnswer:
                await asyncio.sleep(0.1)
            except Over:
                return

    # ── lists ────────────────────────────────────────────────────────────────────────────────────────────────

    async def read_list(self) -> None:
        """Read a whole list; now and then one that has entries of our own, in another form or coding."""
        own = self._witness.entries.lists()
        if own and self._random.random() < OTHERWISE:
            await self._reader.read_otherwise(self._random.choice(own), self._random)
        elif url := self._drawn(self._known.lists):
            await self._reader.read(url)

    async def read_list_again(self) -> None:
        """Ask for a list that was read before."""
        if url := self._drawn(self._known.lists):
            await self._reader.read(url, has_it=True)

    # ── lookups ──────────────────────────────────────────────────────────────────────────────────────────────

    async def look_up(self) -> None:
        """Ask where a credential stands: one of our own must be as its last acknowledged write left it."""
        if self._own and (not self._known.credentials or self._random.random() < 0.5):
            await self._look_up_own(self._own[Zipf(len(self._own), self._random).draw()])
        elif identifier := self._drawn(self._known.credentials):
            path = f"/credential-status?id={quote(identifier, safe='')}"
            answer = await self._client.ask("lookup", "GET", path)
            self._note_position("single lookups", answer)

    async def _look_up_own(self, own: Own) -> None:
        path = f"/credential-status?id={quote(own.credential_id, safe='')}"
        asked = Asked.about(own)
        answer = await self._client.ask("lookup", "GET", path, headers={"Registry-Position": asked.position})
        if answer.status in (200, 404):
            asked.require(answer.json()["status"] if answer.status == 200 else "unknown")
        self._note_position("single lookups", answer)

    async def look_up_several(self) -> None:
        """Ask where several credentials stand: our own must be as their last acknowledged writes left them."""
        of: list[str | Own] = [*self._known.credentials, *self._own]
        if of:
            draw = Zipf(len(of), self._random).draw
            await self._look_up_those([of[draw()] for _ in range(LOOKED_UP)])

    async def _look_up_those(self, those: Sequence[str | Own], *, beyond: bool = False) -> bool:
        """Ask where *those* stand, in one request; return whether that was answered."""
        own = [Asked.about(one) if isinstance(one, Own) else None for one in those]
        queries = [{"credentialId": one.credential_id if isinstance(one, Own) else one} for one in those]
        position = latest(one.position for one in own if one is not None)
        answer = await self._client.ask(
            "lookups", "POST", "/status-lookups", json={"queries": queries}, beyond=beyond,
            headers={"Registry-Position": position} if position else None,
        )  # fmt: skip
        if answer.status != 200:
            return False
        for asked, said in zip(own, answer.json()["results"], strict=True):
            if asked is not None:
                asked.require(said["status"])
        self._note_position("batch lookups", answer)
        return True

    async def look_up_entries(self) -> None:
        """Ask for entries of a list by their indices: they say what the signed list says."""
        url = self._drawn(self._known.lists)
        version = await self._reader.read(url, has_it=True) if url else None
        if url is None or version is None or version.purpose not in ONE_BIT:
            return
        indices = self._chosen(version)
        for _ in range(AGREEING_TRIES - 1):
            if not (indices := [one.index for one in await self._disagreements(url, indices)]):
                return
            await asyncio.sleep(self._settle_s)  # several processes, or files, may take a moment to say the same
        for one in await self._disagreements(url, indices):
            raise one.wrong()

    def _chosen(self, version: Version) -> list[int]:
        """Return indices of a list: the latest of our own, and some at random."""
        own = [index for one in self._own for _, at, index in one.entries if at == version.url]
        size = len(version.bits) * 8
        return list({*own[-ENTRIES // 2 :], *(self._random.randrange(size) for _ in range(ENTRIES // 2))})

    async def _disagreements(self, url: str, indices: Sequence[int]) -> list[Disagreement]:
        """Ask for entries, and read the list before and after; return those that neither version agrees with."""
        before = await self._reader.read(url, has_it=True)
        queries = [{"statusListCredential": url, "statusListIndex": str(index)} for index in indices]
        answer = await self._client.ask("entries", "POST", "/status-lookups", json={"queries": queries})
        after = await self._reader.read(url, has_it=True)
        if answer.status != 200 or before is None or after is None:
            return []
        self._note_position(url, answer)
        return disagreements(answer.json()["results"], before, after)

    def _note_position(self, of: str, answer: Answer) -> None:
        if answer.status == 200:
            self._witness.position(of, answer.json()["asOf"]["position"], answer.asked, answer.now)

    # ── writes, with an issuer's key ─────────────────────────────────────────────────────────────────────────

    async def register(self) -> None:
        """Register a credential; its entries are nobody else's."""
        issuer, identifier = self._issuer, f"urn:uuid:{uuid4()}"
        if issuer is None:
            return
        body = {"credentialId": identifier, "type": ["VerifiableCredential"]}
        answer = await self._write("register", "POST", issuer.path, body)
        if not answer.is_acknowledged:
            return
        given = answer.json()["credentialStatus"]
        entries = tuple(
            (one["statusPurpose"], one["statusListCredential"], int(one["statusListIndex"]))
            for one in (given if isinstance(given, list) else [given])
        )
        for _, url, _ in entries:
            if url not in self._known.lists:
                self._known.lists.append(url)
        self._witness.entries.allocated(identifier, entries)
        self._own.append(own := Own(identifier, entries, answer.headers["Registry-Position"]))
        await self._look_up_own(own)

    async def suspend(self) -> None:
        """Suspend one of the credentials that this run registered; its bit must be seen in its list in time."""
        await self._change("suspend", "PUT", {"reason": "investigation"}, "active", "suspended")

    async def reinstate(self) -> None:
        """Lift a suspension; its bit must be gone from its list in time."""
        await self._change("reinstate", "DELETE", None, "suspended", "active")

    async def revoke(self) -> None:
        """Revoke one for good; its bit must be seen in its list in time."""
        await self._change("revoke", "PUT", {"reason": "issued-in-error"}, "active", "revoked")

    async def _change(self, kind: str, method: str, body: Any, before: str, after: str) -> None:
        free = [one for one in self._own if one.status == before and not one.is_busy]
        if self._issuer is None or not free:
            return
        own, purpose = self._random.choice(free), PURPOSES[before if after == "active" else after]
        entry = own.entry(purpose)
        own.writes += 1
        own.is_busy = True  # and stays so, with its entry, when nobody knows whether the write was recorded
        if entry is not None:
            self._witness.entries.begun(*entry)
        path = f"{self._issuer.path}/{quote(own.credential_id, safe=':')}/{purpose}"
        answer = await self._write(kind, method, path, body)
        if answer.is_acknowledged:
            own.status, own.position, own.is_busy = after, answer.headers["Registry-Position"], False
            if entry is not None:
                self._witness.entries.acknowledged(*entry, int(after != "active"), answer.now)
        elif answer.is_refused:
            own.is_busy = False
            if entry is not None:
                self._witness.entries.refused(*entry)
        await self._look_up_own(own)

    async def _write(self, kind: str, method: str, path: str, body: Any) -> Answer:
        assert self._issuer is not None, "only an issuer writes"
        headers = {"Authorization": f"Bearer {self._issuer.key}", "Idempotency-Key": str(uuid4())}
        answer = await self._client.ask(kind, method, path, json=body, headers=headers)
        self.acknowledged += answer.is_acknowledged
        return answer

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────

    async def finish(self, now: Callable[[], float]) -> None:
        """Read lists until every acknowledged change was seen, then ask about every credential of the run once more.

        Raises `Wrong`, and `NoAnswer` when that cannot be found out any more.
        """
        entries = self._witness.entries
        while urls := entries.awaited():
            for url in urls:
                try:
                    if await self._reader.read(url, beyond=True) is None:
                        raise NoAnswer(url)
                except NoAnswer as error:
                    if now() > entries.awaited_until() + entries.visible_s:
                        raise Wrong(
                            f"The list {url} could not be read any more, and changes are awaited in it."
                        ) from error
            await asyncio.sleep(0.2)
        for first in range(0, len(self._own), AT_LAST):
            if not await self._look_up_those(self._own[first : first + AT_LAST], beyond=True):
                raise NoAnswer("where the credentials of this run stand at last was not answered.")

    def _drawn(self, of: Sequence[str]) -> str | None:
        """Return one of *of*, the first most often."""
        return of[Zipf(len(of), self._random).draw()] if of else None
