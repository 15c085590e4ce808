"""One page of metrics for several processes, as Prometheus reads it."""

from __future__ import annotations

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from registry.http.merging import merged
from registry.http.metrics import Metrics


def page(requests: int, *, watches: str = "") -> str:
    metrics = Metrics(version='1 "quoted" {}')
    for _ in range(requests):
        metrics.route("/issuers/{slug}").count("GET", 200, 0.0)
    metrics.publishing_halted.labels("main").set(1)
    if watches:
        metrics.worker_up.labels(watches).set(1)
    return str(generate_latest(metrics.registry).decode())


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            key = (one.name, frozenset(one.labels.items()))
            assert key not in found, key
            found[key] = one.value
    return found


def test_every_sample_is_there_and_says_whose_it_is() -> None:
    pages = {"parent": page(1, watches="0"), "0": page(3), "1": page(5)}
    expected = {}
    for part, text in pages.items():
        for (name, labels), value in samples(text).items():
            expected[name, labels | {("worker", part)} if not name.startswith("registry_worker") else labels] = value
    assert samples(merged(pages)) == expected


def test_a_family_is_told_of_once_and_its_samples_stand_together() -> None:
    text = merged({"0": page(1), "1": page(2), "writer": ""})
    families = [line for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    names = [family.name for family in text_string_to_metric_families(text)]
    assert len(names) == len(set(names))


def test_nobody_answers_and_the_page_is_empty() -> None:
    assert merged({"0": "", "1": ""}) == ""
