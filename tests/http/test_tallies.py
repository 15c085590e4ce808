"""What is counted without prometheus_client's locks is told as prometheus_client would tell it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from registry.http.metrics import _FAST_S
from registry.http.tallies import Durations, Lookups, Requests

SECONDS = st.floats(0, 20, allow_nan=False) | st.sampled_from(_FAST_S)
NAMES = st.sampled_from(["/a", '/"b"', "/{c}"])
ANSWERS = st.lists(st.tuples(NAMES, st.sampled_from(["GET", "PUT"]), st.sampled_from([200, 404, 503])), max_size=20)


def page(registry):
    families = list(text_string_to_metric_families(generate_latest(registry).decode()))
    return {
        (family.name, family.type, family.documentation, one.name, *sorted(one.labels.items())): one.value
        for family in families
        for one in family.samples
        if not one.name.endswith("_created")
    }


@given(st.lists(st.tuples(NAMES, SECONDS), max_size=30))
def test_durations_are_those_of_a_histogram(observed):
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    lookups = Lookups({name for name, _ in observed}, _FAST_S, ours)
    histogram = Histogram(
        "registry_lookup_duration_seconds", "Finding what was looked up.", ["source"], buckets=_FAST_S, registry=theirs
    )
    for name, seconds in observed:
        lookups.seconds[name].observe(seconds)
        histogram.labels(name).observe(seconds)
    assert page(ours) == pytest.approx(page(theirs))


@given(ANSWERS)
def test_answers_are_those_of_a_counter(answers):
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    requests = Requests(_FAST_S, ours)
    counter = Counter("registry_http_requests", "Requests answered.", ["route", "method", "code"], registry=theirs)
    for route, method, code in answers:
        requests.route(route).count(method, code, 0.0)
        counter.labels(route, method, str(code)).inc()
    told = page(ours)
    assert {key: value for key, value in told.items() if key[0] == "registry_http_requests"} == page(theirs)
    timed = {key[-1][1]: value for key, value in told.items() if key[3].endswith("_seconds_count")}
    assert timed == {route: sum(1 for one, *_ in answers if one == route) for route, *_ in answers}


def test_what_fails_is_timed_too():
    durations = Durations([1])
    with pytest.raises(ZeroDivisionError), durations.time():
        raise ZeroDivisionError
    registry = CollectorRegistry()
    lookups = Lookups(["a"], [1], registry)
    lookups.seconds["a"] = durations
    assert registry.get_sample_value("registry_lookup_duration_seconds_count", {"source": "a"}) == 1
