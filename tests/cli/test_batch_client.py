"""What `registry batch` does while a registry or what lies before it fails; no service is needed for that."""

from registry.batch.patience import LONGEST_PAUSE_S, Patience


def pauses(patience, now):
    """Wait as long as it says, attempt by attempt, and return how long each was."""
    waited = []
    while (pause_s := patience.pause_s()) is not None:
        waited.append(pause_s)
        now[0] += pause_s
        patience.begin()
    return waited


def test_patience_counts_from_when_the_connection_was_lost_and_anew_when_it_came_further():
    now = [0.0]
    patience = Patience(300, lambda: now[0])
    patience.moved(1_000)
    now[0] = 360.0  # an upload that takes longer than patience
    assert patience.pause_s() == 1.0
    patience.begin()
    patience.moved(1_001)
    now[0] = 900.0
    waited = pauses(patience, now)
    assert (waited[:5], max(waited)) == ([1.0, 2.0, 4.0, 8.0, 15.0], LONGEST_PAUSE_S)
    assert 285 < sum(waited) <= 300


def test_patience_is_not_prolonged_by_coming_as_far_again():
    now = [0.0]
    patience = Patience(10, lambda: now[0])
    patience.moved(500)
    assert patience.pause_s() == 1.0
    patience.begin()
    patience.moved(500)
    now[0] = 20.0
    assert patience.pause_s() is None
