from __future__ import annotations

from dataclasses import dataclass

from projections.pace import EVERY_S, Pace
from registry.domain.names import LogName

MAIN, OTHER = LogName("main"), LogName("other")


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_how_catching_up_goes_is_said_every_ten_seconds_with_the_rate_since() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert not pace.is_due(MAIN, 1_000)
    clock.now += EVERY_S - 0.1
    assert not pace.is_due(MAIN, 20_000)
    clock.now += 0.1
    assert pace.is_due(MAIN, 21_000)
    assert pace.line(MAIN, 21_000, 101_000) == (
        "catching up with the log main: 21,000 of 101,000 events, 2,000 a second, 40 s to go"
    )
    assert not pace.is_due(MAIN, 22_000), "it was just said"
    clock.now += EVERY_S
    assert "500 a second, 150 s to go" in pace.line(MAIN, 26_000, 101_000)


def test_logs_are_told_apart_and_who_caught_up_begins_anew() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.is_due(MAIN, 0)
    pace.caught_up(OTHER)
    pace.caught_up(MAIN)
    clock.now += EVERY_S
    assert not pace.is_due(MAIN, 5)
    assert not pace.is_due(OTHER, 5)


def test_no_rate_is_made_up_where_nothing_moved() -> None:
    assert Pace(Clock()).line(MAIN, 5, 10) == "catching up with the log main: 5 of 10 events, 0 a second"
