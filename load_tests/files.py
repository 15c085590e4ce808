"""What a list costs as a file behind nginx, against our own serving of the same list: ratio 6.

Both sides are the same deployment at the same time: `registry dev`, which publishes its lists as files, too, and nginx
with the configuration of deploy/nginx in front of it. A list of 131,072 entries, 1 % of them revoked; 64 connections;
what counts is the CPU time per request, of nginx summed over its processes. Before anything is measured, nginx's
answers are compared with the service's, byte for byte.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from load_tests.clients import Load, Rates, press, same
from load_tests.comparison import Measure, Ratio, Samples, interleaved
from load_tests.lists import IN_FLIGHT, Asked, revoke_one_percent, ways_to_ask
from load_tests.nginx import found, nginx
from load_tests.outcome import Outcome
from load_tests.script import CannotMeasure, Effort, run
from load_tests.servers import Server, registry

WRITTEN_S = 10
OK = 200
TTL_S = 5
"""Of `registry dev`."""
FORMS = ("identity", "gzip", "304", "statuslist+jwt")

ratios = [Ratio(6, f"as a file behind nginx: {form}", f"nginx {form}", (f"served {form}",), 3) for form in FORMS]


async def alike(ours: Server, front: Server, path: str) -> list[tuple[Asked, Asked]]:
    """Return the ways to ask the service and nginx, when nginx answers each with the same bytes, from a file."""
    async with asyncio.timeout(WRITTEN_S):
        while True:
            both = await _both(ours, front, path)
            if all(is_a_file_alike(*one) for one in both):
                return [one for one in both if one[0].name in FORMS]
            await asyncio.sleep(0.1)


async def _both(ours: Server, front: Server, path: str) -> list[tuple[Asked, Asked]]:
    served, filed = await ways_to_ask(ours, path), await ways_to_ask(front, path)
    return list(zip(served, filed, strict=True))


def is_a_file_alike(served: Asked, filed: Asked) -> bool:
    """Whether nginx gave a file that is what the service serves, and did not just ask the service for it.

    A file's entity tag is nginx's own, from time and size; what comes from the service has the service's, a digest.
    """
    return _told(served) == _told(filed) and _etag(served) != _etag(filed)


def _etag(one: Asked) -> str:
    tag = next(value for name, value in one.answer.headers.items() if name.lower() == "etag")
    return tag.removeprefix("W/")  # which whoever compresses on the way puts before it


def _told(one: Asked) -> tuple[object, ...]:
    headers = {name.lower(): value for name, value in one.answer.headers.items()}
    kind = (headers["content-type"], headers.get("content-encoding")) if one.answer.status == OK else None
    return one.answer.status, one.answer.body, kind


async def measure(effort: Effort) -> list[Outcome]:
    """Measure both sides, by turns; raise `CannotMeasure` without nginx."""
    found()
    with TemporaryDirectory(prefix="registry-files-") as temporary:
        files = Path(temporary) / "files"
        async with registry(FILES=str(files)) as ours, nginx(files, ours, max_age=TTL_S) as front:
            path = await revoke_one_percent(ours)
            seen: dict[str, list[Rates]] = {}

            def side(name: str, server: Server, one: Asked) -> Measure:
                load = Load(same("GET", path, one.headers), one.answer.status, IN_FLIGHT, effort.seconds, most=200_000)

                async def once() -> float:
                    seen.setdefault(name, []).append(rates := await press(server, load))
                    return rates.per_cpu_s

                return once

            measures: dict[str, Measure] = {}
            for served, filed in await alike(ours, front, path):
                measures[f"nginx {served.name}"] = side(f"nginx {served.name}", front, filed)
                measures[f"served {served.name}"] = side(f"served {served.name}", ours, served)
            for warm_up in measures.values():
                await warm_up()
            seen.clear()
            samples = await interleaved(measures, effort.rounds)
            if not all(is_a_file_alike(*one) for one in await _both(ours, front, path)):
                raise CannotMeasure(
                    "nginx does not serve the list from its files any more: what was measured is no file."
                )
    return [_outcome(ratio, samples, seen) for ratio in ratios]


def _outcome(ratio: Ratio, samples: Samples, seen: Mapping[str, list[Rates]]) -> Outcome:
    mine, other = (median(rates.per_s for rates in seen[name]) for name in (ratio.ours, ratio.theirs[0]))
    return replace(ratio.of(samples, "requests/CPU s"), note=f"{mine:,.0f} requests/s beside {other:,.0f}")


if __name__ == "__main__":
    sys.exit(run("A published list as a file behind nginx, against our own serving", measure))
