"""Where no terminal shows a bar, a line every few seconds tells how far it has come."""

from registry.progress_bar import LINE_EVERY_S, Lines


def test_a_line_is_written_at_most_once_in_some_seconds():
    now, written = [100.0], []
    lines = Lines("rebuilding", written.append, lambda: now[0])
    for step in range(5):
        now[0] = 100 + step * LINE_EVERY_S / 2
        lines.told(step * 1_000, 4_000)
    assert written == ["rebuilding: 2,000 of 4,000 (50 %)\n", "rebuilding: 4,000 of 4,000 (100 %)\n"]


def test_what_has_no_total_yet_is_told_too():
    now, written = [0.0], []
    lines = Lines("rebuilding", written.append, lambda: now[0])
    now[0] = LINE_EVERY_S
    lines.told(0, 0)
    assert written == ["rebuilding: 0 of 0 (0 %)\n"]
