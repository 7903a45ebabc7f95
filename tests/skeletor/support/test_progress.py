import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from threading import enumerate as enumerate_threads
from typing import ClassVar

import pytest

from skeletor.support.listening import listening, said
from skeletor.support.progress import above_bars, log, progress, shown, span, tell


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


class Terminal(io.StringIO):
    """A stream that is a terminal, and tells when something was drawn on it."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn = Event()

    def isatty(self) -> bool:
        return True

    @property
    def wiped(self) -> bool:
        return self.getvalue().endswith("\r") and not self.getvalue().split("\r")[-2].strip()

    def write(self, text: str) -> int:
        if text.strip():
            self.drawn.set()
        return super().write(text)


def as_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """In the test itself: pytest sets stderr anew when its fixtures are made."""
    made = Terminal()
    monkeypatch.setattr("sys.stderr", made)
    monkeypatch.setattr("skeletor.support.progress._DELAY", 0.15)
    monkeypatch.setattr("skeletor.support.progress._TICK", 0.01)
    return made


def test_the_bar_is_there_while_the_first_item_is_in_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = as_terminal(monkeypatch)
    for count, _ in enumerate(progress("ab", "files", unit="file")):
        terminal.drawn.clear()
        assert terminal.drawn.wait(30), "its clock goes on"
        if count == 0:
            assert "files:   0%" in terminal.getvalue() and "0/2" in terminal.getvalue()
    assert (
        terminal.getvalue().endswith("\r") and not terminal.getvalue().rpartition("\r")[0].rpartition("\r")[2].strip()
    )
    assert "bar" not in {thread.name for thread in enumerate_threads()}


def test_what_is_given_up_leaves_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = as_terminal(monkeypatch)
    items = progress("ab", "files")
    next(items)
    assert terminal.drawn.wait(30)
    items.close()
    del items
    assert terminal.wiped
    assert "bar" not in {thread.name for thread in enumerate_threads()}


class Bar:
    """In tqdm's place: what was drawn, in order."""

    lines: ClassVar[list[str]] = []

    def __init__(self, desc: str = "", total: int = 0, disable: bool = False, **_: object) -> None:
        self.desc, self.total, self.disable, self.n = desc, total, disable, 0

    def update(self, count: int) -> None:
        self.n += count
        self.lines.append(f"{self.desc} {self.n}/{self.total}")

    def close(self) -> None:
        if not self.disable:
            self.disable = self.lines.append(f"{self.desc} ends") is None


def test_what_work_says_is_shown_on_a_terminal_and_one_bar_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    as_terminal(monkeypatch)
    drawn: list[str] = []
    monkeypatch.setattr(Bar, "lines", drawn)
    monkeypatch.setattr("skeletor.support.progress.tqdm", Bar)
    with pytest.raises(KeyboardInterrupt), shown():
        for _ in said("ab", "frames", 2):
            assert list(said("xyz", "parts", 3)) == list("xyz")
        for _ in said("ab", "frames", 2):  # of a second strip
            pass
        next(said("a", "pictures", 1))
        list(said("ab", "pictures", 5))
        raise KeyboardInterrupt
    frames = ["frames 1/2", "frames 2/2", "frames ends"]
    assert drawn[:4] == ["parts 1/3", "parts 2/3", "parts 3/3", "parts ends"], "within the first frame"
    assert drawn[4:] == [*frames, *frames, "pictures 1/5", "pictures 2/5", "pictures ends"]


class Pipe(io.StringIO):
    """A stream that is no terminal, and tells when a line was written."""

    def __init__(self) -> None:
        super().__init__()
        self.told = Event()

    def write(self, text: str) -> int:
        if "\n" in text:
            self.told.set()
        return super().write(text)


def as_pipe(monkeypatch: pytest.MonkeyPatch, every: float) -> Pipe:
    made = Pipe()
    monkeypatch.setattr("sys.stderr", made)
    monkeypatch.setattr("skeletor.support.progress._EVERY", every)
    monkeypatch.setattr("skeletor.support.progress._TICK", 0.01)
    return made


def test_without_a_terminal_lines_tell_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be it within the first item, and whatever the log is told."""
    pipe = as_pipe(monkeypatch, every=0.0)
    before, log_level = log.level, logging.WARNING
    log.setLevel(log_level)
    for _ in progress("ab", "slt\tlift", unit="file", log_every=60):
        pipe.told.clear()
        assert pipe.told.wait(30)
    log.setLevel(before)
    lines = pipe.getvalue().splitlines()
    assert lines[0] == "slt\\x09lift: 0 of 2 files in 0 s"
    assert lines[-1] == "slt\\x09lift: 1 of 2 files in 0 s, about 0 s left"
    assert "bar" not in {thread.name for thread in enumerate_threads()}


def test_lines_of_what_work_says_come_less_often_the_longer_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, seconds = as_pipe(monkeypatch, every=15.0), 4000
    now = iter(range(10**6))
    monkeypatch.setattr("skeletor.support.progress.monotonic", lambda: float(next(now)))
    with shown():
        assert list(said(range(seconds), "frames", seconds)) == list(range(seconds))
    lines = pipe.getvalue().splitlines()
    assert lines[0] == "frames: 15 of 4000 in 15 s, about 1 h 06 min left"
    assert lines[1].startswith("frames: 30 of 4000 in 30 s")
    assert len(lines) < 300 / 15 + 60 and not any("4000 of" in line for line in lines)


def test_the_log_and_plain_lines_do_not_tell_the_same(monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    pipe = as_pipe(monkeypatch, every=0.0)
    ticks = Event()
    monkeypatch.setattr("skeletor.support.progress._Plain.tell", lambda _: ticks.set())
    for _ in progress("ab", "poses", 2, log_every=0):
        assert "bar" not in {thread.name for thread in enumerate_threads()}
    assert len(lines) == 1 and not pipe.getvalue() and not ticks.is_set()


def test_who_listens_already_goes_on_where_there_is_no_terminal() -> None:
    heard: list[int] = []
    with listening(lambda what, count, total: heard.append(count)), shown():
        list(said("ab", "frames", 2))
    assert heard == [1, 2]


def test_without_a_terminal_nothing_is_drawn_of_short_work(capsys: pytest.CaptureFixture[str]) -> None:
    with shown():
        assert list(said("ab", "frames", 2)) == list(progress("ab", "files")) == ["a", "b"]
    assert capsys.readouterr().err == ""


def test_what_is_printed_has_no_bar_in_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = as_terminal(monkeypatch)
    monkeypatch.setattr("sys.stdout", terminal)
    with monkeypatch.context() as at_once, shown():
        at_once.setattr("skeletor.support.progress._DELAY", 0.0)
        assert list(said("abc", "frames", 3)) == list("abc")
        assert "frames" in terminal.getvalue()
        print("alone")
    for _ in progress("a", "files"):
        terminal.drawn.clear()
        assert terminal.drawn.wait(30), "a bar is there"
        with above_bars():
            print("one", end="")
            print(" of several")
    with above_bars():
        print("no end", end="")
    written = [line.rpartition("\r")[2] for line in terminal.getvalue().split("\n")]
    assert written == ["alone", "one of several", "no end"]


def test_a_line_on_stderr_has_no_bar_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = as_terminal(monkeypatch)
    for _ in progress("ab", "files"):
        terminal.drawn.clear()
        assert terminal.drawn.wait(30), "a bar is there"
        tell("a: warning: x")
    assert [line.rpartition("\r")[2] for line in terminal.getvalue().split("\n")[:-1]] == ["a: warning: x"] * 2


def test_whatever_goes_to_stderr_goes_there_by_one_function() -> None:
    """Printed past it, it may stand behind a bar. How a command ends is printed when no bar is left."""
    root = Path(__file__).parents[3]
    ends = {root / "skeletor/support" / name for name in ("progress.py", "command.py")} | {root / "slt/cli/__init__.py"}
    past = re.compile(r"file=sys\.stderr|sys\.stderr\.write")
    files = [file for package in ("skeletor", "slt") for file in (root / package).rglob("*.py")]
    assert not [file for file in set(files) - ends if past.search(file.read_text(encoding="utf-8"))]


def test_a_line_does_not_bring_up_a_bar_that_is_not_due(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = as_terminal(monkeypatch)
    monkeypatch.setattr("skeletor.support.progress._DELAY", 3600.0)
    monkeypatch.setattr("sys.stdout", terminal)
    for _ in progress("ab", "files"):
        with above_bars():
            print("x")
    assert terminal.getvalue() == "x\nx\n"
