"""kill -9 of the publisher, again and again while it publishes: nothing acknowledged is lost, nothing goes back."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field, replace
from itertools import count

import pytest

from tests.cli.deployments import Deployment, School, bits, good, revocation, school_in
from tests.cli.processes import alive, eventually

ROUNDS = 8
CLIENTS = 3


@dataclass
class Load:
    """Clients that register and revoke until they are told to stop, and remember what was acknowledged."""

    school: School
    revoked: list[dict[str, str]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    errors: list[BaseException] = field(default_factory=list)

    def run(self, client: int) -> None:
        try:
            for number in count():
                if self.stop.is_set():
                    return
                credential_id = f"urn:example:{client}:{number}"
                entry = revocation(self.school.registered(credential_id))
                eventually(lambda one=credential_id: good(self.school.revoke(one)), what="a revocation")
                self.revoked.append(entry)
        except BaseException as error:  # noqa: BLE001  # told by the test
            self.errors.append(error)


@dataclass
class Watcher:
    """Looks at what is published, all the time: positions and bits only ever grow."""

    deployment: Deployment
    entry: dict[str, str]
    stop: threading.Event = field(default_factory=threading.Event)
    errors: list[BaseException] = field(default_factory=list)
    positions: list[int] = field(default_factory=lambda: [0])

    def run(self) -> None:
        seen = b""
        try:
            while not self.stop.is_set():
                rows = self.deployment.as_superuser("SELECT position FROM projections.published_heads")
                self.positions.append(max((row["position"] for row in rows), default=0))
                assert self.positions[-1] >= self.positions[-2], "a position went back"
                now = bits(self.entry)
                assert not int.from_bytes(seen) & ~int.from_bytes(now), "a revocation was taken back"
                seen = now
        except BaseException as error:  # noqa: BLE001  # told by the test
            self.errors.append(error)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_publisher_killed_again_and_again_takes_nothing_back_and_loses_nothing(deployment: Deployment) -> None:
    quick = replace(deployment, environ=deployment.with_settings(TICK_S=0.05))
    chance = random.Random(20260725)
    with quick.running("serve") as serving:
        serving.until_it_says("serving on")
        school = school_in(quick)
        with quick.running("project") as first:
            first.until_it_says("projecting")
            load = Load(school)
            watcher = Watcher(quick, revocation(school.registered("urn:example:first")))
        threads = [threading.Thread(target=load.run, args=(client,)) for client in range(CLIENTS)]
        threads.append(threading.Thread(target=watcher.run))
        for one in threads:
            one.start()
        try:
            reached = [_killed_while_it_publishes(quick, watcher, chance) for _ in range(ROUNDS)]
        finally:
            load.stop.set()
            for one in threads[:-1]:
                one.join(60)
        with quick.running("project") as last:
            last.until_it_says("projecting")
            acknowledged = [(one["statusListCredential"], int(one["statusListIndex"])) for one in load.revoked]
            assert len(acknowledged) > ROUNDS
            eventually(lambda: _all_set(load.revoked), what="every acknowledged revocation", limit_s=30)
        watcher.stop.set()
        threads[-1].join(30)
    assert (load.errors, watcher.errors) == ([], [])
    assert len(set(acknowledged)) == len(acknowledged), "an index was given out twice"
    assert reached == sorted(reached)
    assert len(set(reached)) > ROUNDS // 2, "the killed publishers had published"
    assert quick.run("verify-log").returncode == 0


def _killed_while_it_publishes(deployment: Deployment, watcher: Watcher, chance: random.Random) -> int:
    """Kill a publisher some moments after its first publication; return how far it was published then."""
    with deployment.running("project") as projecting:
        projecting.until_it_says("projecting")
        before = watcher.positions[-1]
        eventually(lambda: watcher.positions[-1] > before or watcher.errors, what="a publication")
        time.sleep(chance.uniform(0, 0.3))  # the moment of the crash, not a wait for anything
        family = projecting.family()
        projecting.kill()
        eventually(lambda: not alive(family))
    return watcher.positions[-1]


def _all_set(revoked: list[dict[str, str]]) -> bool:
    lists = {url: bits({"statusListCredential": url}) for url in {one["statusListCredential"] for one in revoked}}
    return all(
        lists[one["statusListCredential"]][(index := int(one["statusListIndex"])) // 8] >> (7 - index % 8) & 1
        for one in revoked
    )
