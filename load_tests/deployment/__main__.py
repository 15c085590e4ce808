"""`python -m load_tests.deployment --url URL`: realistic, bounded load on one's own deployment, checked as it goes.

Exit status 1: it said something that cannot be right; 2: the run could not be made, or saw nothing that it could check.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console

from load_tests.deployment.run import Plan, Refused, run

Number = TypeVar("Number", int, float)
MOST_SECONDS, MOST_CONNECTIONS, MOST_PER_S, MOST_REQUESTS = 3_600, 256, 10_000, 10_000_000


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m load_tests.deployment", description=__doc__)
    parser.add_argument("--url", required=True, help="https://… of the deployment")
    parser.add_argument("--issuer", help="slug of the issuer whose key is given; then there are writes, too")
    parser.add_argument("--key", default=os.environ.get("REGISTRY_ISSUER_KEY"), help="or REGISTRY_ISSUER_KEY")
    parser.add_argument("--list", action="append", default=[], dest="lists", help="URL of a list to read; repeatable")
    parser.add_argument(
        "--credential", action="append", default=[], dest="credentials", help="id to look up; repeatable"
    )
    parser.add_argument("--seconds", type=_up_to(float, MOST_SECONDS), default=30)
    parser.add_argument("--requests", type=_up_to(int, MOST_REQUESTS), default=10_000, help="how many at most")
    parser.add_argument("--rate", type=_up_to(float, MOST_PER_S), default=100, help="requests a second, on average")
    parser.add_argument("--connections", type=_up_to(int, MOST_CONNECTIONS), default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tick", type=float, default=15, help="REGISTRY_TICK_S of the deployment")
    parser.add_argument("--ttl", type=float, default=60, help="REGISTRY_TTL_S of the deployment")
    parser.add_argument("--margin", type=float, default=5, help="seconds beyond tick and ttl until a bit is late")
    parser.add_argument("--settle", type=float, default=1, help="seconds that processes or caches may disagree")
    parser.add_argument(
        "--i-own-this-deployment", action="store_true", dest="is_own", help="needed for anything but loopback"
    )
    return parser.parse_args()


def _up_to(kind: Callable[[str], Number], most: float) -> Callable[[str], Number]:
    def number(text: str) -> Number:
        value = kind(text)
        if not 0 < value <= most:
            raise argparse.ArgumentTypeError(f"must be above 0 and at most {most:,}")
        return value

    return number


def main() -> int:
    """Run as the command line says."""
    given = arguments()
    plan = Plan(
        url=given.url,
        issuer=given.issuer,
        key=given.key if given.issuer else None,
        lists=tuple(given.lists),
        credentials=tuple(given.credentials),
        seconds=given.seconds,
        requests=given.requests,
        per_s=given.rate,
        connections=given.connections,
        seed=given.seed,
        visible_s=given.tick + given.ttl + given.margin,
        settle_s=given.settle,
        is_own=given.is_own,
    )
    console = Console()
    try:
        return asyncio.run(run(plan, console))
    except Refused as refused:
        Console(stderr=True).print(str(refused), style="red", highlight=False)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
