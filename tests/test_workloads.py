"""The shapes that load tests draw their requests from."""

from __future__ import annotations

from collections import Counter
from random import Random

from load_tests.workloads import MASS_REVOCATION, WITH_ISSUER, EvenPlan, Zipf, chosen, graduation_day


def test_the_first_is_asked_for_most_and_the_same_seed_draws_the_same():
    first, again = Zipf(1_000, Random(7)), Zipf(1_000, Random(7))
    numbers = [first.draw() for _ in range(5_000)]
    counted = Counter(numbers)
    assert numbers == [again.draw() for _ in range(5_000)]
    assert counted[0] > 1.5 * counted[1] > 0
    assert 0 <= min(numbers) <= max(numbers) < 1_000


def test_a_mass_revocation_hits_its_share_and_nothing_twice():
    hit = chosen(range(10_000), MASS_REVOCATION, Random(1))
    assert len(set(hit)) == len(hit) == 260


def test_a_graduation_day_has_its_rush_in_an_eighth_of_the_day():
    times = graduation_day(1_000, 80.0, Random(2))
    assert times == sorted(times)
    assert len(times) == 1_000
    assert sum(30 <= at < 40 for at in times) >= 800
    assert 0 <= times[0] < times[-1] <= 80


def test_a_mix_draws_every_kind_about_as_often_as_it_says():
    draws = WITH_ISSUER.draws(Random(3))
    counted = Counter(next(draws) for _ in range(20_000))
    whole = sum(WITH_ISSUER.weights.values())
    for name, weight in WITH_ISSUER.weights.items():
        assert abs(counted[name] / 20_000 - weight / whole) < 0.02


def test_an_even_plan_loses_no_credential():
    sizes = EvenPlan(credentials=1_003, issuers=10).sizes()
    assert sum(sizes) == 1_003
    assert max(sizes) - min(sizes) <= 1
