from __future__ import annotations

from projections.backoff import LONGEST_S, Backoff
from registry.domain.names import LogName

ONE, OTHER = (LogName("main"), "one"), (LogName("main"), "other")


class Now:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_what_never_failed_is_due():
    assert Backoff(Now()).is_due([ONE, OTHER])


def test_several_that_fail_at_once_are_due_at_once_but_apart():
    backoff = Backoff(Now())
    backoff.failed([ONE, OTHER])
    assert backoff.is_due([ONE])
    assert backoff.is_failing(ONE)
    assert backoff.is_failing(OTHER)


def test_each_failure_of_one_doubles_its_pause_up_to_the_longest():
    now = Now()
    backoff = Backoff(now)
    pauses = []
    for _ in range(10):
        backoff.failed([ONE])
        start = now.seconds
        while not backoff.is_due([ONE]):
            now.seconds += 0.5
        pauses.append(now.seconds - start)
    assert pauses == [0.5, 1, 2, 4, 8, 16, LONGEST_S, LONGEST_S, LONGEST_S, LONGEST_S]
    assert backoff.is_due([OTHER])


def test_a_success_forgets_the_failures():
    backoff = Backoff(Now())
    backoff.failed([ONE])
    backoff.worked([ONE])
    assert backoff.is_due([ONE])
    assert not backoff.is_failing(ONE)
