"""A seeded share of `make hardening`; and that each of its suites can fail."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hardening import children, endings, faults, report, run
from tests.hardening.case import Case, Context, Outcome, Suite, single
from tests.hardening.children import Finished, Reply, Server
from tests.hardening.made import videos
from tests.hardening.made.attack import Attack
from tests.hardening.made.jobs import OUT
from tests.hardening.made.models import small_model
from tests.hardening.made.mutations import Mutation
from tests.hardening.suites import disk, hostile, key_points, many, video
from tests.hardening.watch import Watch

SHARES = {
    "video": 0.06, "key points": 0.004, "hostile": 0.12, "disk": 0.06, "batch": 0.1, "server: path traversal": 0.1,
    "server: bad uploads": 0.05,
}  # fmt: skip
SLOW_SHARES = {"server: 50 uploads at once": 0.1, "server: cancel": 0.1, "server: oversized": 0.3}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One for all: cases are tried one at a time here, and each start of a server imports everything."""
    shared = Server()
    yield shared
    shared.close()


@pytest.fixture
def context(tmp_path: Path, server: Server) -> Callable[..., Context]:
    def make(share: float = 0.1) -> Context:
        small = tmp_path / "small"
        return Context(tmp_path, share, 1, lambda: server, lambda: small_model(small), tmp_path / "shared")

    return make


@pytest.mark.parametrize(
    ("name", "share"),
    [*SHARES.items(), *(pytest.param(*one, marks=pytest.mark.slow) for one in SLOW_SHARES.items())],
    ids=[*SHARES, *SLOW_SHARES],
)
def test_a_share_of_the_suite_finds_nothing(name: str, share: float, context: Callable[..., Context]) -> None:
    suite = next(suite for suite in run.SUITES if suite.name == name)
    outcomes = run.run_cases(suite.cases(context(share)), 1)
    tried = [outcome for outcome in outcomes if not outcome.skipped]
    assert len(tried) >= 4
    assert {outcome.case: outcome.reason for outcome in tried if outcome.reason} == {}


def test_the_same_seed_gives_the_same_cases(context: Callable[..., Context]) -> None:
    one, two = ([case.name for case in video.suite().cases(context(0.05))] for _ in range(2))
    assert one == two and len(set(one)) == len(one) > 20
    first, again = (key_points.draw("pose", 1, 7)[1] for _ in range(2))
    assert first == again and first != key_points.draw("pose", 2, 7)[1]


def sound() -> key_points.Clips:
    points = np.random.default_rng(0).normal(size=(8, 5, 2)).astype(np.float32)
    return {"a": (points, ("k", "l", "m", "n", "o"))}


def test_key_points_that_are_shifted_or_lost_in_silence_are_seen() -> None:
    clips, flip = sound(), Mutation("flip", b"", 1)
    points, joints = clips["a"]
    touched = points.copy()
    touched[3, 2] += 1
    assert key_points.compare(clips, {"a": (touched, joints)}, flip) == ""
    for wrong in (np.roll(points, 1, 0), np.roll(points, 1, 1), points[:, ::-1], points[..., ::-1]):
        assert "values differ" in key_points.compare(clips, {"a": (wrong, joints)}, flip)
    assert "7 frames in silence" in key_points.compare(clips, {"a": (points[1:], joints)}, flip)
    assert "0 clips in silence" in key_points.compare(clips, {}, flip)
    moved = key_points.compare(clips, {"a": (points[:, [1, 0, 2, 3, 4]], ("l", "k", "m", "n", "o"))}, flip)
    assert moved == "", "joints are compared by their names"


def shifted(path: Path) -> key_points.Clips:
    """A reader that gives the frames of a sound file one too late, if it is damaged."""
    name = path.name
    points = np.arange(240, dtype=np.float32).reshape(8, 15, 2)
    return {"a": (points if "sound" in name else np.roll(points, 1, 0), tuple(map(str, range(15))))}


def failing(path: Path) -> key_points.Clips:
    if "sound" not in path.name:
        raise KeyError("not\na line")
    return shifted(path)


@pytest.mark.parametrize(("reader", "reason"), [(shifted, "values differ"), (failing, "KeyError")])
def test_a_reader_that_shifts_or_raises_fails_its_cases(
    reader: Callable[[Path], key_points.Clips], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(key_points.READERS, "skels", reader)
    key_points._sound.cache_clear()

    class Here(Server):
        def call(self, function: Callable[..., Any], *arguments: Any, **_: Any) -> Reply:
            try:
                return Reply(function(*arguments))
            except KeyError as error:
                types = [t.__name__ for t in type(error).__mro__]
                return Reply(error={"types": types, "text": str(error), "starved": False})

    context = Context(tmp_path, 1, 1, Here, lambda: tmp_path, tmp_path)
    found = [key_points._check(context, "skels", index) for index in range(4)]
    key_points._sound.cache_clear()
    assert all(reason in text for text in found)
    assert len(list((tmp_path / "failed" / "skels").rglob("case.skels"))) == 4, "inputs of failed cases are kept"


def test_what_a_reader_may_not_do() -> None:
    line = {"types": ["InputError", "SkeletorError"], "text": "one line", "starved": False}
    assert key_points.judge(Reply(error=line)) == ""
    assert "2 lines" in key_points.judge(Reply(error=line | {"text": "two\nlines"}))
    assert "more than" in key_points.judge(Reply(error=line | {"starved": True}))
    assert "took 6.0 s" in key_points.judge(Reply(cpu=6.0))
    assert "took 2048 MB" in key_points.judge(Reply(memory=2 << 30))
    assert key_points.judge(Reply(died="the process died (SIGSEGV)")).startswith("the process died")


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (list(range(1, 31)), ""),
        (list(range(1, 30)), "29 frames in silence"),
        ([1, 1, *range(2, 30)], "wrong places"),
        ([*range(1, 15), None, *range(16, 31)], "wrong places"),
    ],
)
def test_frames_lost_doubled_or_unreadable_are_seen(frames: list[int | None], reason: str) -> None:
    assert reason in video.compare(videos.Clip(".mp4", b"", tuple(range(1, 31))), frames)
    assert bool(video.compare(videos.Clip(".mp4", b"", tuple(range(1, 31))), frames)) == bool(reason)


def test_damaged_videos_may_show_old_pictures_but_lose_nothing_in_silence() -> None:
    clip = videos.Clip(".mp4", b"", tuple(range(1, 31)))
    assert video.compare_damaged(clip, [*range(1, 20), *[19] * 11]) == ""
    assert "in silence" in video.compare_damaged(clip, list(range(1, 16)))
    assert "wrong places" in video.compare_damaged(clip, [*range(1, 8), *range(16, 39)])
    refused = videos.Clip(".ts", b"", tuple(range(1, 31)), refuse=True)
    assert "not whole" in video.compare(refused, list(range(1, 20)))


def test_numbers_are_read_as_they_are_drawn_and_damage_is_none() -> None:
    for number in (0, 1, 97, 255):
        assert videos.number_of(videos.picture(number)) == number
        assert videos.number_of(np.rot90(np.rot90(videos.picture(number, 173, 99)), 3)) == number
    assert videos.number_of(np.full((128, 160, 3), 128, np.uint8)) is None
    assert videos.number_of(np.zeros((128, 160, 3), np.uint8)) is None


def test_processes_that_outlive_a_command_are_found(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "_GRACE", 0.5)
    log = tmp_path / "log"
    setup = (leave_a_child, ())
    done = server.run("slt", ["--help"], tmp_path, log, 60, setup)
    assert done.code == 0 and "slt COMMAND" in done.out
    assert len(done.left) == 1
    assert "left running" in endings.wrong_ending(done, 0)


def leave_a_child() -> None:
    """Fork a process that stays."""
    if os.fork() == 0:
        signal.pause()


def test_calls_are_stopped_by_time_and_their_memory_is_measured() -> None:
    server = Server(())
    assert server.call(int, "7").value == 7
    assert "still at it" in server.call(turn, cpu=0.5).died
    assert 300 << 20 < server.call(take, 400 << 20).memory < 1 << 30
    starved = server.call(take, 8 << 30)
    assert starved.excess == "asked for more than 2 GB" or starved.died
    assert "SIGABRT" in server.call(os.abort).died
    assert server.call(int, "8").value == 8, "a new process takes the place of the dead one"
    server.close()


def turn() -> None:
    """Never end."""
    while True:
        pass


def take(size: int) -> int:
    """Take memory, and let it go."""
    return len(bytearray(size))


def test_a_hostile_file_that_runs_code_or_opens_others_is_seen(context: Callable[..., Context]) -> None:
    made = context()

    def script(place: Any) -> Path:
        path: Path = place.folder / "a.py"
        path.write_text(f"open({str(place.canary)!r}, 'w')")
        return path

    def pointer(place: Any) -> Path:
        path: Path = place.folder / "a.txt"
        path.write_text(str(place.outside / "secret.bin"))
        return path

    for name, use, make, reason in (
        ("code", execute, script, "code was executed"),
        ("elsewhere", open_named, pointer, "read outside: secret.bin"),
        ("sound", read_text, pointer, "accepted"),
    ):
        hostile.USES[name] = use
        try:
            assert reason in hostile.check(local(made), Attack(name, name, make), made.work)
        finally:
            del hostile.USES[name]


def local(context: Context) -> Context:
    """Calls in this process, where the test's own ways of reading are."""

    class Here(Server):
        def call(self, function: Callable[..., Any], *arguments: Any, **_: Any) -> Reply:
            return Reply(function(*arguments))

    return Context(context.work, 1, 1, Here, context.model, context.shared)


def execute(path: Path, model: Path) -> None:
    """What no reader does."""
    exec(path.read_text())


def open_named(path: Path, model: Path) -> None:
    """Open the file whose name stands in a file."""
    Path(path.read_text()).read_bytes()


def read_text(path: Path, model: Path) -> str:
    """Take anything."""
    return path.read_text()


def test_the_kernel_tells_who_opens_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with Watch(tmp_path) as watch:
        pass
    assert watch.opened == []
    with Watch(tmp_path) as watch:
        (tmp_path / "a").read_text()
    assert watch.opened == ["a"]


def test_a_write_that_fails_is_told_from_one_that_is_hidden(tmp_path: Path) -> None:
    job = disk.commands()[0]
    made = disk.Sound(job, tmp_path, {"s.pose": b"whole"}, (), None, 0)
    (tmp_path / OUT).mkdir()
    hidden = disk._judge(made, tmp_path, Finished(0, "", "", 1.0))
    assert "though a write failed: 1 files missing" in hidden
    (tmp_path / OUT / "s.pose").write_bytes(b"whole")
    assert disk._judge(made, tmp_path, Finished(0, "", "", 1.0)) == ""
    (tmp_path / OUT / "s.pose").write_bytes(b"who")
    assert "partial file s.pose" in disk._judge(made, tmp_path, Finished(2, "", "slt: disk full\n", 1.0))
    (tmp_path / OUT / ".s.1.tmp.pose").write_bytes(b"who")
    assert "left out/.s.1.tmp.pose" in disk._judge(made, tmp_path, Finished(2, "", "slt: disk full\n", 1.0))


def test_every_write_of_a_command_is_enumerated(context: Callable[..., Context]) -> None:
    made = disk._sound(context(), disk.commands()[0])
    operations = {operation for operation, _, _ in made.writes}
    assert {"mkdir", "open", "replace"} <= operations
    assert all(site.startswith("skeletor/") for _, site, _ in made.writes)
    assert made.left and disk._numbers(made) == list(range(1, len(made.writes) + 1))


def test_a_fault_is_found_again_in_a_command_that_goes_on(tmp_path: Path) -> None:
    assert faults.part_of("out/.config.77.tmp.json") == "config.json" and faults.part_of("out/poses/a/b") == "poses"
    assert faults.part_of("out") == ""
    only = faults.about("open\tx.py:3\tout/poses/a\n")
    fault = faults.Fault(str(tmp_path), str(tmp_path.with_suffix(".writes")), 2, "full", only)
    fault.site = lambda: "x.py:3"  # type: ignore[method-assign]
    calls = [("open", "out/corpus/a"), ("open", "out/poses/a"), ("mkdir", "out/poses/b"), ("open", "out/poses/c")]
    assert [fault.hits(operation, tmp_path / path) for operation, path in calls] == [False, False, False, True]


def test_what_was_whole_before_a_write_is_there_when_it_fails(tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    for name in ("corpus/a", "poses/a", "poses/b", "model/a", "report.md"):
        (whole / OUT / name).parent.mkdir(parents=True, exist_ok=True)
        (whole / OUT / name).write_text(name)
    names = ("corpus/a", "poses/a", "poses/b", "model/a", "report.md")
    writes = tuple(("open", "x.py:3", f"{OUT}/{name}") for name in names)
    made = disk.Sound(disk.commands()[0], tmp_path, {}, writes, None, 0, whole)
    assert disk._before(made, whole, 3, folder) == (2, "open\tx.py:3\tposes")
    assert [p.name for p in (folder / OUT).iterdir()] == ["corpus"]
    assert disk._before(made, whole, 5, tmp_path / "last") == (1, "open\tx.py:3\treport.md")
    assert {p.name for p in (tmp_path / "last" / OUT).iterdir()} == {"corpus", "poses", "model"}


def test_growth_is_told_from_memory_that_is_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "signing_video", lambda path, seed, count: path.write_bytes(b""))

    def outcomes(memory: list[int], handles: list[int]) -> dict[str, str]:
        class Fixed(Server):
            def call(self, *_: Any, **__: Any) -> Reply:
                return Reply((["", "bad"], memory, handles))

        context = Context(tmp_path, 0.04, 1, Fixed, lambda: tmp_path, tmp_path)
        return {o.case: o.reason for case in many.suite().cases(context) for o in case.run()}

    flat = outcomes([100 << 20] * 40, [9] * 40)
    assert flat["memory"] == flat["file handles"] == "" and flat["translation 1"] == "bad"
    leaking = outcomes([(100 + 5 * k) << 20 for k in range(40)], [9 + k for k in range(40)])
    assert "grows by" in leaking["memory"] and "more in" in leaking["file handles"]


def test_the_table_counts_what_was_tried_and_errors_of_the_harness_are_fails() -> None:
    def broken() -> str:
        raise ValueError("oh")

    cases = [single("a", lambda: ""), single("b", lambda: "bad"), single("c", broken)]
    skipped = Case("d", lambda: [Outcome("d", "not here", skipped=True)])
    suite = Suite("x", "none", lambda context: iter([*cases, skipped]))
    result = run.Result(suite, list(run.run_cases(iter([*cases, skipped]), 2)))
    assert [outcome.case for outcome in result.outcomes] == ["a", "b", "c", "d"]
    assert "| x | 3 | 2 | none |" in report.table([result]) and "skipped: x: d: not here" in report.table([result])
    assert result.failed[1].reason == "harness: ValueError: oh"


def test_what_was_run_at_different_times_is_one_table(tmp_path: Path) -> None:
    def ran(name: str, reason: str) -> run.Result:
        cases = [Outcome("a"), Outcome("b", reason), Outcome("c", "not here", skipped=True)]
        return run.Result(Suite(name, "none", lambda context: iter([])), cases, 9.0, 600.0)

    report.write([ran("x", "bad"), ran("y", "")], 1.0, 1, ["x", "y"], tmp_path)
    report.write([ran("x", "")], 0.5, 1, ["x", "y"], tmp_path)
    kept = report.kept(tmp_path)
    assert list(kept) == ["x", "y"] and kept["x"]["share"] == 0.5 and kept["y"]["share"] == 1.0
    page = tmp_path / "README.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_page(tmp_path, page)
    text = page.read_text()
    assert "| x | 2 | 0 | none | 0.5 | 10.0 |" in text and "old" not in text
    assert (
        text.startswith("before\n")
        and text.endswith("\nafter\n")
        and "20 minutes of CPU time in all that was measured: 10 on 2" in text
    )
    page.write_text("no markers")
    with pytest.raises(ValueError, match="no markers"):
        report.write_page(tmp_path, page)
