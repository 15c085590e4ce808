"""What people ask of a large registry: a few credentials and lists often, most of them once in years. Seeded."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from random import Random
from urllib.parse import quote, urlsplit

import orjson

from load_tests.clients import request
from load_tests.servers import Server
from load_tests.workloads import Zipf
from registry.domain.status_list import MINIMUM_SIZE
from registry.loading import Plan

Requests = Callable[[Server], Iterable[bytes]]


class Popularity:
    """Draws credentials: an issuer as often as it has many, and of its credentials by Zipf's law, the first most."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self._random = Random(seed)
        self._sizes = plan.sizes()
        self._ends = list(accumulate(self._sizes))

    def draw(self) -> tuple[int, int]:
        """Return (issuer, number of one of its credentials): popular ones often."""
        issuer = self._issuer()
        return issuer, int(self._sizes[issuer] ** self._random.random()) - 1

    def other(self) -> tuple[int, int]:
        """Return any credential, each as likely as any other."""
        issuer = self._issuer()
        return issuer, self._random.randrange(self._sizes[issuer])

    def _issuer(self) -> int:
        return bisect(self._ends, self._random.randrange(self._ends[-1]))


def lookups(plan: Plan, seed: int, number: int) -> Requests:
    """Return *number* lookups of one credential each."""
    popularity = Popularity(plan, seed)
    paths = [f"/credential-status?id={quote(plan.credential_id(*popularity.draw()), safe=':')}" for _ in range(number)]
    return lambda server: (request(server, "GET", path, {"Accept": "application/json"}) for path in paths)


def popular_lists(urls: Sequence[str], seed: int, number: int, headers: Mapping[str, str]) -> Requests:
    """Return *number* requests for lists, the n-th of *urls* asked for 1/n as often as the first."""
    zipf = Zipf(len(urls), Random(seed))
    return each_list([urls[zipf.draw()] for _ in range(number)], headers)


def each_list(urls: Sequence[str], headers: Mapping[str, str]) -> Requests:
    """Return one request for each of *urls*."""
    return lambda server: (request(server, "GET", path_of(url), headers) for url in urls)


def batches(urls: Sequence[str], seed: int, number: int, each: int = 1_000) -> Requests:
    """Return *number* lookups of *each* entries, anywhere in any of *urls*, by list and index."""
    random = Random(seed)
    bodies = []
    for _ in range(number):
        drawn = [(random.choice(urls), random.randrange(MINIMUM_SIZE)) for _ in range(each)]
        queries = [{"statusListCredential": url, "statusListIndex": str(index)} for url, index in drawn]
        bodies.append(orjson.dumps({"queries": queries}))
    headers = {"Content-Type": "application/json"}
    return lambda server: (request(server, "POST", "/status-lookups", headers, body) for body in bodies)


def path_of(url: str) -> str:
    """Return where a list lies on whatever serves it."""
    return urlsplit(url).path


def revocations(plan: Plan, operator_key: str, popularity: Popularity, number: int) -> Requests:
    """Return *number* revocations of credentials anywhere, each under an Idempotency-Key of its own."""
    common = {"Authorization": f"Bearer {operator_key}", "Content-Type": "application/json"}

    def requests(server: Server) -> Iterator[bytes]:
        for _ in range(number):
            issuer, which = popularity.other()
            name = plan.credential_id(issuer, which)
            path = f"/issuers/{plan.slug(issuer)}/credentials/{quote(name, safe=':')}/revocation"
            headers = {**common, "Idempotency-Key": f"revoke-{name}"}
            yield request(server, "PUT", path, headers, b'{"reason":"issued-in-error"}')

    return requests
