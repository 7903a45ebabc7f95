import logging

import pytest

from skeletor.progress import log, progress, span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3569, "59 min"), (3599, "1 h 00 min"), (3900, "1 h 05 min"),
     (86400 * 2 + 3600 * 4, "2 d 04 h")],
)  # fmt: skip
def test_durations_in_words(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_the_log_tells_the_time_left_at_the_pace_so_far(monkeypatch, caplog) -> None:
    times = iter([0.0, *(30.0 * k for k in range(1, 11))])
    monkeypatch.setattr("skeletor.progress.monotonic", lambda: next(times, 300.0))
    monkeypatch.setattr("skeletor.progress.tqdm", lambda items, **options: items)
    monkeypatch.setattr(log, "propagate", True)
    with caplog.at_level(logging.INFO, "skeletor"):
        assert list(progress(range(10), "poses", 10, "clip", log_every=60)) == list(range(10))
    assert [r.getMessage() for r in caplog.records] == [
        "poses: 2 of 10 clips in 60 s, about 4 min left",
        "poses: 4 of 10 clips in 2 min, about 3 min left",
        "poses: 6 of 10 clips in 3 min, about 2 min left",
        "poses: 8 of 10 clips in 4 min, about 60 s left",
    ]


def test_without_an_interval_nothing_is_logged(monkeypatch, caplog) -> None:
    monkeypatch.setattr(log, "propagate", True)
    with caplog.at_level(logging.INFO, "skeletor"):
        assert list(progress("abc", "x")) == ["a", "b", "c"]
    assert not caplog.records
