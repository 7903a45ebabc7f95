"""A stage in shards: the same bytes by any engine; what is finished is kept, what is stale or lost is made again."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest

from skeletor.files.lock import locked
from skeletor.io.native import open_shard, write_pose
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import build_lifter
from skeletor.support.errors import InputError
from slt.cli import main
from slt.shards import run as running
from slt.shards import shard as shard_work
from slt.shards.engines import Ended, Engine, Local, Slurm
from slt.shards.on_ray import Ray
from slt.shards.plan import Plan, write_plan
from slt.shards.run import FAILED, Outcome, results_of, run_plan
from slt.shards.shard import finished, read_marker, run_shard
from slt.shards.trying import TRYING
from slt.shards.work import StageOptions
from tests.skeletor.poses.test_absent import signer
from tests.slt.shards.jobs import deadly, ending, filling, tell_threads


class InThisProcess:
    """The plainest engine."""

    def run(self, job: object, shards: object) -> Iterator[Ended]:
        for shard in shards:  # type: ignore[attr-defined]
            job(shard)  # type: ignore[operator]
            yield Ended(shard)


@pytest.fixture(name="inputs")
def _inputs(tmp_path: Path) -> list[Path]:
    """Five files of poses, the third of which is none."""
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(5):
        write_pose(signer(4 + k), folder / f"clip{k}.safetensors")
    (folder / "clip2.safetensors").write_bytes(b"no poses")
    return sorted(folder.iterdir())


def planned(folder: Path, inputs: list[Path], size: int = 2) -> Plan:
    return write_plan(folder, "lift", StageOptions().model_dump(), inputs, size, lambda: "code")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted((folder / "shards").rglob("*")) if p.is_file()}


def test_all_inputs_are_lifted_and_the_bad_one_is_listed(tmp_path: Path, inputs: list[Path]) -> None:
    plan = planned(tmp_path / "out", inputs)
    outcome = run_plan(plan, InThisProcess())
    assert (outcome.shards, outcome.kept, outcome.lost, outcome.clips, outcome.failed) == (3, 0, (), 4, 1)
    assert outcome.frames == 4 + 5 + 7 + 8
    clips = {name: clip for path in results_of(plan) for name, clip in open_shard(path).items()}
    assert sorted(clips) == ["clip0#a", "clip1#a", "clip3#a", "clip4#a"]
    lifter = build_lifter(FastOptions())
    for name, clip in clips.items():
        frames = 4 + int(name[4])
        np.testing.assert_array_equal(clip.keypoints, lifter(signer(frames)).keypoints)
    listed = (tmp_path / "out" / "failed.tsv").read_text().splitlines()
    assert len(listed) == 2 and "clip2.safetensors" in listed[1]
    assert not list((tmp_path / "out").rglob(f"*{TRYING}"))


def test_finished_shards_are_kept_and_changed_ones_made_again(tmp_path: Path, inputs: list[Path]) -> None:
    plan = planned(tmp_path / "out", inputs)
    run_plan(plan, InThisProcess())
    before = tree(plan.folder)
    assert run_plan(plan, InThisProcess()).kept == 3 and tree(plan.folder) == before
    plan.result(1).with_suffix(".json").write_text('{"key": "other"')
    results_of(plan)
    (plan.result(2).with_suffix(".safetensors")).unlink()
    assert [finished(plan, shard) for shard in range(3)] == [True, False, False]
    assert run_plan(plan, InThisProcess()).kept == 1 and tree(plan.folder) == before
    write_pose(signer(9), inputs[0])
    assert not finished(plan, 0)
    run_plan(plan, InThisProcess())
    marker = read_marker(plan, 0)
    assert marker is not None and marker["frames"] == 9 + 5


@pytest.mark.parametrize("died", [1, 2, 3])
@pytest.mark.usefixtures("forked_workers")
def test_an_input_in_work_when_workers_ended_is_not_blamed_for_it(
    tmp_path: Path, inputs: list[Path], died: int
) -> None:
    plain, plan = planned(tmp_path / "plain", inputs), planned(tmp_path / "out", inputs)
    run_shard(plain.folder, 0)
    broken_off(plan, died)
    run_shard(plan.folder, 0)
    assert tree(plan.folder) == tree(plain.folder)


@pytest.mark.usefixtures("forked_workers")
def test_one_that_ends_a_process_of_its_own_is_listed_and_the_others_are_done(
    tmp_path: Path, inputs: list[Path]
) -> None:
    plan = write_plan(tmp_path / "out", "sentences", {}, inputs, 3, lambda: "code")
    broken_off(plan, 2)
    run_shard(plan.folder, 0, partial(ending, "clip1.safetensors"))
    marker = read_marker(plan, 0)
    assert marker is not None and marker["clips"] == 2
    (listed,) = marker["failed"]
    assert listed["input"] == str(inputs[1]) and "ended a process that did nothing else" in listed["reason"]


def test_one_that_may_end_the_whole_machine_is_left_out_untried(tmp_path: Path, inputs: list[Path]) -> None:
    plan = planned(tmp_path / "out", inputs)
    broken_off(plan, 4)
    run_shard(plan.folder, 0)
    marker = read_marker(plan, 0)
    assert marker is not None and marker["clips"] == 1 and "ended its worker 4 times" in marker["failed"][0]["reason"]


def broken_off(plan: Plan, died: int) -> None:
    """As if so many workers had ended over the second input."""
    trying = plan.result(0).with_suffix(TRYING)
    trying.parent.mkdir(parents=True)
    trying.write_text(json.dumps({"deaths": {"1": died - 1} if died > 1 else {}, "at": 1}))


def test_two_files_of_one_name_stay_two_clips(tmp_path: Path) -> None:
    paths = [tmp_path / name / "clip.safetensors" for name in "ab"]
    for frames, path in enumerate(paths, 3):
        path.parent.mkdir()
        write_pose(signer(frames), path)
    plan = planned(tmp_path / "out", paths)
    run_shard(plan.folder, 0)
    assert sorted(len(clip) for clip in open_shard(results_of(plan)[0]).values()) == [3, 4]


@pytest.mark.usefixtures("forked_workers")
def test_a_dead_worker_costs_no_other_shard(tmp_path: Path) -> None:
    ended = {one.shard: one.error for one in Local(2).run(partial(deadly, str(tmp_path)), range(6))}
    assert sorted(ended) == list(range(6))
    assert "died" in str(ended[2]) and ended[3] == "three: no good"
    assert [ended[k] for k in (0, 1, 4, 5)] == [None] * 4
    assert sorted(p.stem for p in tmp_path.glob("*.done")) == ["0", "1", "4", "5"]


def engines(folder: Path) -> dict[str, Engine]:
    return {"local": Local(2), "slurm": Slurm(folder / "slurm", 2, "local"), "ray": Ray(workers=2)}


@pytest.mark.parametrize("name", ["local", "slurm", "ray"])
def test_every_engine_gives_the_same_bytes_and_the_same_table(name: str, tmp_path: Path, inputs: list[Path]) -> None:
    pytest.importorskip({"local": "slt", "slurm": "submitit", "ray": "ray"}[name])
    plain, other = planned(tmp_path / "plain", inputs), planned(tmp_path / "other", inputs)
    run_plan(plain, InThisProcess())
    outcome = run_plan(other, engines(tmp_path)[name])
    assert (outcome.lost, outcome.clips, outcome.failed) == ((), 4, 1)
    assert tree(other.folder) == tree(plain.folder)
    assert (other.folder / FAILED).read_text() == (plain.folder / FAILED).read_text()
    (line,) = outcome.lines()
    assert re.fullmatch(
        r"3 shards: 3 made, 0 kept, 0 lost; 4 clips, 24 frames, 1 inputs failed; \d+ \w+, [\d.]+ clips/s", line
    )


@pytest.mark.usefixtures("forked_workers")
def test_the_command(tmp_path: Path, inputs: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in ("shards", *arguments)])
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{path}\n" for path in inputs))
    common = ("lift", "--list", listed, "-o", tmp_path / "lifted", "--shard-size", 2, "--workers", 1)
    assert run(*common, "--dry-run")[:2] == (0, f"{tmp_path / 'lifted'}: lift of 5 inputs in 3 shards\n")
    code, out, err = run(*common)
    assert (tmp_path / "lifted" / "log.txt").exists(), "from the first run on"
    assert code == 2 and "3 shards: 3 made, 0 kept, 0 lost; 4 clips, 24 frames, 1 inputs failed" in out
    assert "1 of 5 inputs failed; see" in err
    code, out, _ = run("refine", tmp_path / "lifted", "-o", tmp_path / "refined", "--refine", "savgol", "--workers", 1)
    assert code == 0 and "refine of 3 inputs in 1 shards" in out and "4 clips" in out
    assert run("refine", "-o", tmp_path / "none")[0] == 2
    assert run("lift", inputs[0], "-o", tmp_path / "lifted")[0] == 2  # another plan
    listed.write_bytes(b"\xef\xbb\xbf" + f"{inputs[0]}\r\n".encode())  # as editors of Windows write it
    assert run("lift", "--list", listed, "-o", tmp_path / "marked", "--workers", 1)[0] == 0
    listed.write_bytes(b"a\nb\0c\n")
    code, _, err = run("lift", "--list", listed, "-o", tmp_path / "none", "--workers", 1)
    assert code == 2 and "line 2: a NUL byte" in err
    assert run("lift", inputs[0], "-o", tmp_path / "x", "--slurm", "timeout_min=3")[0] == 2


def test_a_long_run_tells_how_far_it_is(
    tmp_path: Path, inputs: list[Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running, "LOG_SECONDS", 0.0)
    monkeypatch.setattr("skeletor.support.progress.log.propagate", True)
    with caplog.at_level("INFO", "skeletor"):
        run_plan(planned(tmp_path / "out", inputs), InThisProcess())
    assert "lift: 1 of 3 shards in" in caplog.text and "lift: 2 of 3 shards in" in caplog.text


def test_what_a_person_broke_off_twice_is_not_left_out(tmp_path: Path, inputs: list[Path]) -> None:
    plan = planned(tmp_path / "out", inputs)
    trying = plan.result(0).with_suffix(TRYING)
    trying.parent.mkdir(parents=True)
    trying.write_text(json.dumps({"deaths": {"0": 1}, "at": 0}))
    assert run_plan(plan, InThisProcess()).failed == 1  # the one that is no file of poses


def test_a_damaged_result_is_made_again(tmp_path: Path, inputs: list[Path]) -> None:
    plan = planned(tmp_path / "out", inputs)
    run_plan(plan, InThisProcess())
    before, file = tree(plan.folder), plan.result(0).with_suffix(".safetensors")
    file.write_bytes(before[str(file.relative_to(plan.folder))][:-1] + b"\0")
    assert not finished(plan, 0)
    run_plan(plan, InThisProcess())
    assert tree(plan.folder) == before


def test_a_full_disk_is_no_fault_of_an_input(
    tmp_path: Path, inputs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    plan = planned(tmp_path / "out", inputs)
    monkeypatch.setattr("slt.shards.shard._stage", lambda *args: full)
    with pytest.raises(OSError, match="No space"):
        run_shard(plan.folder, 0)
    assert read_marker(plan, 0) is None


@pytest.mark.parametrize(
    ("error", "code"), [(OSError(errno.ENOSPC, "No space left on device"), 2), (ZeroDivisionError("a defect"), 1)]
)
def test_a_shard_that_is_lost_to_a_full_disk_is_no_defect(
    tmp_path: Path, inputs: list[Path], monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    outcome = Outcome(1, 0, (Ended.by(0, error),), 0, 0, 0, 0.0)
    monkeypatch.setattr("slt.cli.corpora.shards.run_plan", lambda plan, engine: outcome)
    with pytest.raises(SystemExit) as end:
        main(["shards", "lift", str(inputs[0]), "-o", str(tmp_path / "out")])
    assert end.value.code == code


def test_another_model_under_the_same_name_is_another_plan(
    tmp_path: Path, inputs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    common = ["shards", "refine", str(inputs[0]), "-o", str(tmp_path / "out"), "--model", str(model), "--dry-run"]
    for text, code in (("a: 1", 0), ("a: 1", 0), ("a: 2", 2)):
        (model / "model.yaml").write_text(text)
        with pytest.raises(SystemExit) as end:
            main(common)
        assert end.value.code == code, capsys.readouterr().err


def test_each_marker_is_read_once_and_once_more_if_its_shard_is_made(
    tmp_path: Path, inputs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(tmp_path / "out", inputs)
    run_plan(plan, InThisProcess())
    plan.result(1).with_suffix(".json").unlink()
    read: Counter[int] = Counter()

    def counted(plan: Plan, shard: int) -> dict[str, Any] | None:
        read[shard] += 1
        return read_marker(plan, shard)

    class Other:
        """As if another process made the shards: what it reads is not counted."""

        def run(self, job: Any, shards: Any) -> Iterator[Ended]:
            with monkeypatch.context() as undone:
                undone.setattr(shard_work, "read_marker", read_marker)
                yield from InThisProcess().run(job, shards)

    for module in (running, shard_work):
        monkeypatch.setattr(module, "read_marker", counted)
    outcome = run_plan(plan, Other())
    assert read == {0: 1, 1: 2, 2: 1}
    assert (outcome.kept, outcome.clips, outcome.frames, outcome.failed) == (2, 4, 4 + 5 + 7 + 8, 1)


def test_a_shard_whose_marker_cannot_be_seen_is_lost(tmp_path: Path, inputs: list[Path]) -> None:
    class Elsewhere:
        def run(self, job: object, shards: Any) -> Iterator[Ended]:
            yield from map(Ended, shards)

    outcome = run_plan(planned(tmp_path / "out", inputs), Elsewhere())
    assert [one.shard for one in outcome.lost] == [0, 1, 2] and outcome.clips == 0
    assert "cannot be seen" in str(outcome.lost[0].error)


def test_two_runs_in_one_folder_the_second_says_so_and_ends(
    tmp_path: Path, inputs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    plan = planned(out, inputs)
    with locked(out), pytest.raises(SystemExit) as end:
        main(["shards", "lift", str(inputs[0]), "-o", str(out), "--workers", "1"])
    told = capsys.readouterr().err
    assert end.value.code == 2 and told.startswith("slt: ") and "another run" in told
    assert told.count("\n") == 1 and planned(out, inputs) == plan and not (out / "shards").exists()


PARENT = """
import sys
from functools import partial
from pathlib import Path
from skeletor.files.lock import locked
from slt.shards.engines import Local
from tests.slt.shards.jobs import halting
with locked(Path(sys.argv[1])):
    list(Local(2).run(partial(halting, sys.argv[1]), range(3)))
"""


def until(true: Any) -> None:
    pause, deadline = threading.Event(), monotonic() + 120
    while not true():
        assert monotonic() < deadline, "it never became true"
        pause.wait(0.05)


def test_a_killed_parent_takes_its_workers_along_and_the_next_run_goes_on(tmp_path: Path, inputs: list[Path]) -> None:
    plain, plan = planned(tmp_path / "plain", inputs), planned(tmp_path / "out", inputs)
    run_plan(plain, InThisProcess())
    root = Path(__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(plan.folder)], cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    )
    until(lambda: list(plan.folder.glob("*.pid")) and len(list(plan.folder.glob("*.made"))) == 2)
    (worker,) = (int(path.stem) for path in plan.folder.glob("*.pid"))
    with pytest.raises(InputError, match="another run"), locked(plan.folder):
        pass
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until(lambda: not Path(f"/proc/{worker}/cmdline").exists() or not Path(f"/proc/{worker}/cmdline").read_bytes())
    with locked(plan.folder):
        outcome = run_plan(plan, InThisProcess())
    assert (outcome.kept, outcome.lost, outcome.clips, outcome.failed) == (2, (), 4, 1)
    assert tree(plan.folder) == tree(plain.folder), "the half file is gone too"


def test_a_shard_whose_disk_was_full_is_submitted_again(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    ended = {one.shard: one.error for one in Slurm(tmp_path / "logs", 1, "local").run(
        partial(filling, str(tmp_path)), range(4))}  # fmt: skip
    assert ended == {0: None, 1: None, 2: "the disk is full", 3: None}
    ended = {one.shard: one.full for one in Local(1).run(partial(filling, str(tmp_path)), range(4))}
    assert ended == {0: False, 1: False, 2: True, 3: False}


def test_workers_have_one_thread_each(tmp_path: Path, inputs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")

    class Telling:
        def run(self, job: object, shards: Any) -> Iterator[Ended]:
            yield from Local(1).run(partial(tell_threads, str(tmp_path)), shards)

    run_plan(planned(tmp_path / "out", inputs), Telling())
    assert {path.read_text() for path in tmp_path.glob("*.threads")} == {"1"}


def test_a_marker_that_says_nonsense_of_files_counts_as_none(tmp_path: Path, inputs: list[Path]) -> None:
    plan = planned(tmp_path / "out", inputs)
    run_shard(plan.folder, 0)
    file = plan.result(0).with_suffix(".json")
    marker = json.loads(file.read_text())
    file.write_text(json.dumps(marker | {"written": {}}))
    assert finished(plan, 0)
    file.write_text(json.dumps(marker | {"written": ["a"]}))
    assert not finished(plan, 0)


def test_a_kind_of_lifter_is_named_by_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from slt.cli.corpora import shards
    from tests.skeletor.lifters.test_choice import weights

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLT_RUNS", "runs")
    own = weights(Path("runs/a/lifter.safetensors"), "joint-token", 1000)
    args = shards.make_parser("shards").parse_args(["lift", "x", "-o", "out", "--lift", "joint-token"])
    assert shards._options(args)["lift"] == str(own.resolve())
    before = shards._decides(args)
    weights(Path("runs/c/lifter.safetensors"), "anatomy", 3000)
    assert shards._decides(args) == before
    weights(Path("runs/a/lifter.safetensors"), "joint-token", 1000)
    assert shards._decides(args) != before
    plain = shards.make_parser("shards").parse_args(["lift", "x", "-o", "out"])
    assert shards._options(plain)["lift"] == "fast"
