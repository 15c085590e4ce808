"""The log about itself: opened once, and perhaps restored to an earlier point."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.domain import log
from registry.domain.commands import AcceptRestore
from registry.domain.events import LogOpened, LogRestored
from registry.domain.log import OpenedLog
from registry.domain.names import LOG_STREAM
from tests.domain.facts import ISSUER, LATER, after, recorded, registered

OPENED = LogOpened(log_id=ISSUER, log_name="main", origin="https://registry.example")
RESTORED = LogRestored(published_position=9, published_hash="ab" * 32, restored_position=4)
ACCEPT = AcceptRestore(LATER, published_position=9, published_hash="ab" * 32, restored_position=4)


def test_a_restore_is_accepted_once() -> None:
    assert log.decide(ACCEPT, after(LOG_STREAM, OPENED)) == [RESTORED]
    assert log.decide(replace(ACCEPT, restored_position=5), after(LOG_STREAM, OPENED, RESTORED)) == []


@pytest.mark.parametrize(
    "other",
    [
        {"published_position": 8},
        {"published_position": 10},
        {"published_hash": "00" * 32},
        {"published_hash": "cd" * 32},
    ],
)
def test_another_published_head_is_given_up_on_its_own(other: dict[str, object]) -> None:
    [fact] = log.decide(replace(ACCEPT, **other), after(LOG_STREAM, OPENED, RESTORED))
    assert fact == RESTORED.model_copy(update=other)
    assert after(LOG_STREAM, OPENED, RESTORED, fact) == OpenedLog(OPENED, (RESTORED, fact))


def test_a_fact_of_another_kind_changes_nothing() -> None:
    opened = after(LOG_STREAM, OPENED)
    assert log.evolve(opened, recorded(registered(), stream=LOG_STREAM)) == opened
    assert log.evolve(None, recorded(RESTORED, stream=LOG_STREAM)) is None
    assert log.decide(ACCEPT, None) == [RESTORED]
