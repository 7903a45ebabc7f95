import logging
from collections.abc import Iterator

import pytest

from skeletor.support.progress import log, progress, span


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the house's log is told, whatever handlers an earlier test left on it."""
    told: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    monkeypatch.setattr(log, "handlers", [Keep()])
    monkeypatch.setattr(log, "propagate", False)
    before = log.level
    log.setLevel(logging.INFO)
    yield told
    log.setLevel(before)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3569, "59 min"), (3599, "1 h 00 min"), (3900, "1 h 05 min"),
     (86400 * 2 + 3600 * 4, "2 d 04 h")],
)  # fmt: skip
def test_durations_in_words(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_the_log_tells_the_time_left_at_the_pace_so_far(monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    times = iter([0.0, *(30.0 * k for k in range(1, 11))])
    monkeypatch.setattr("skeletor.support.progress.monotonic", lambda: next(times, 300.0))
    monkeypatch.setattr("skeletor.support.progress.tqdm", lambda items, **options: items)
    assert list(progress(range(10), "poses", 10, "clip", log_every=60)) == list(range(10))
    assert lines == [
        "poses: 2 of 10 clips in 60 s, about 4 min left",
        "poses: 4 of 10 clips in 2 min, about 3 min left",
        "poses: 6 of 10 clips in 3 min, about 2 min left",
        "poses: 8 of 10 clips in 4 min, about 60 s left",
    ]


def test_without_an_interval_nothing_is_logged(lines: list[str]) -> None:
    assert list(progress("abc", "x")) == ["a", "b", "c"]
    assert not lines
