"""What people ask of a large registry, and what it takes of the disk."""

from __future__ import annotations

from collections import Counter
from math import log

import pytest

from load_tests.popular import Popularity, lookups, popular_lists, revocations
from load_tests.servers import Server
from load_tests.tables import Sizes, Table
from registry.loading import Plan

PLAN = Plan(credentials=100_000, issuers=10)
SERVER = Server(1234, 0)


def test_large_issuers_and_their_first_credentials_are_asked_for_most():
    popularity = Popularity(PLAN, seed=1)
    drawn = [popularity.draw() for _ in range(20_000)]
    issuers = Counter(issuer for issuer, _ in drawn)
    assert issuers[0] == pytest.approx(20_000 * PLAN.sizes()[0] / PLAN.credentials, rel=0.1)
    of_first = Counter(number for issuer, number in drawn if issuer == 0)
    assert of_first[0] == pytest.approx(of_first.total() * log(2) / log(PLAN.sizes()[0]), rel=0.1)
    assert all(0 <= number < PLAN.sizes()[issuer] for issuer, number in drawn)


def test_who_revokes_may_mean_any_credential():
    popularity = Popularity(PLAN, seed=1)
    numbers = [number for issuer, number in (popularity.other() for _ in range(20_000)) if issuer == 0]
    assert sum(number < PLAN.sizes()[0] / 2 for number in numbers) == pytest.approx(len(numbers) / 2, rel=0.05)


def test_requests_are_whole_and_the_same_for_one_seed():
    urls = [f"https://registry.example/status-lists/{n}" for n in range(5)]
    asked = list(popular_lists(urls, 1, 500, {"Accept-Encoding": "gzip"})(SERVER))
    assert asked == list(popular_lists(urls, 1, 500, {"Accept-Encoding": "gzip"})(SERVER))
    assert asked[0].startswith(b"GET /status-lists/")
    counted = Counter(asked)
    assert counted.most_common()[0][1] > 2 * counted.most_common()[-1][1]
    (one,) = lookups(PLAN, 1, 1)(SERVER)
    assert one.startswith(b"GET /credential-status?id=urn:uuid:")
    revoked = list(revocations(PLAN, "key", Popularity(PLAN, 2), 3)(SERVER))
    assert len({line for one in revoked for line in one.split(b"\r\n") if line.startswith(b"Idempotency")}) == 3
    assert all(one.startswith(b"PUT /issuers/synthetic-") for one in revoked)


def test_a_database_is_told_by_the_credential_the_small_tables_left_out():
    sizes = Sizes((Table("public.events", 1_000, 200), Table("public.log_heads", 9, 0)), 1_300)
    assert sizes.per_credential(10) == ["130 B a credential, of which", "public.events: 100 + 20 keys"]
