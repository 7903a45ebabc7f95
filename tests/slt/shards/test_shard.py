"""What makes a finished shard stale: an input that is another one now, be it a file or a folder of files."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skeletor.io.formats import read_poses
from skeletor.io.native import write_shard
from skeletor.poses.pose import PoseSequence
from skeletor.poses.turns import Turn, with_turns
from slt.shards.plan import Plan, write_plan
from slt.shards.shard import finished, run_shard
from slt.shards.work import StageOptions
from tests.skeletor.poses.test_absent import signer

Stage = Callable[[Path], dict[str, dict[str, Any]]]


@pytest.fixture(name="frames")
def _frames(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for k in range(4):
        (folder / f"{k}.json").write_text(f"{k}")
        os.utime(folder / f"{k}.json", ns=(0, 1000 + k))
    return folder


def planned(folder: Path, *inputs: Path) -> Plan:
    return write_plan(folder, "translate", {}, inputs, 1, lambda: "code")


def reading(path: Path) -> dict[str, dict[str, Any]]:
    return {"": {"text": path.name}}


class Built:
    """A stage, as `run_shard` takes one."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def __call__(self) -> Stage:
        return self.stage


def in_place(folder: Path) -> None:
    time = folder.stat().st_mtime_ns
    (folder / "2.json").write_text("9")
    assert folder.stat().st_mtime_ns == time, "the folder itself does not tell"


def older(folder: Path) -> None:
    os.utime(folder / "2.json", ns=(0, 7))


def longer(folder: Path) -> None:
    (folder / "2.json").write_text("long")
    os.utime(folder / "2.json", ns=(0, 1002))


def fewer(folder: Path) -> None:
    (folder / "0.json").unlink()


def one_more(folder: Path) -> None:
    (folder / "9.json").write_text("")
    os.utime(folder / "9.json", ns=(0, 0))


def exchanged(folder: Path) -> None:
    """Two names of files of the same size, whose order in time counts."""
    (folder / "0.json").rename(folder / "x")
    (folder / "1.json").rename(folder / "0.json")
    (folder / "x").rename(folder / "1.json")


@pytest.mark.parametrize("change", [in_place, older, longer, fewer, one_more, exchanged])
def test_a_folder_of_which_a_file_changes_is_another_input(
    change: Callable[[Path], None], tmp_path: Path, frames: Path
) -> None:
    plan = planned(tmp_path / "out", frames)
    run_shard(plan.folder, 0, Built(reading))
    assert finished(plan, 0)
    change(frames)
    assert not finished(plan, 0)


def test_what_is_no_frame_of_a_folder_changes_nothing(tmp_path: Path, frames: Path) -> None:
    (frames / "gone.json").symlink_to("nowhere")
    plan = planned(tmp_path / "out", frames)
    run_shard(plan.folder, 0, Built(reading))
    (frames / "lift.shards").mkdir()
    (frames / ".half.tmp").write_text("half")
    os.utime(frames, ns=(0, 0))
    assert finished(plan, 0)


def test_an_input_that_changes_while_it_is_worked_on_is_done_anew(tmp_path: Path) -> None:
    clip = tmp_path / "clip.pose"
    clip.write_text("old")
    plan = planned(tmp_path / "out", clip)

    def slow(path: Path) -> dict[str, dict[str, Any]]:
        read = path.read_text()
        path.write_text("new one")
        return {"": {"text": read}}

    run_shard(plan.folder, 0, Built(slow))
    assert not finished(plan, 0), "its result is of what is no longer there"
    run_shard(plan.folder, 0, Built(reading))
    assert finished(plan, 0)


def test_people_who_sign_in_turns_are_put_through_by_themselves(tmp_path: Path) -> None:
    """As by `slt lift` and `slt refine`: no filter reaches over the frame where another one begins."""
    first, second = signer(9), signer(11)
    points = np.concatenate([first.keypoints, 2 * second.keypoints + 500])
    both = PoseSequence(points, np.ones(points.shape[:2]), 25, first.skeleton, first.provenance)
    turned = with_turns(both, [Turn(0, 9, 1), Turn(9, 20, 2)], ["", ""])
    clips = {"both": turned, "first": turned.frames(0, 9), "second": turned.frames(9, 20)}
    write_shard(clips, tmp_path / "talk.safetensors")
    options, given = StageOptions(refine="savgol").model_dump(), tmp_path / "talk.safetensors"
    for stage in ("lift", "refine"):
        plan = write_plan(tmp_path / stage, stage, options, [given], 1, lambda: "code")
        run_shard(plan.folder, 0)
        given = plan.result(0).with_suffix(".safetensors")
        made = {name.rpartition("#")[2]: pose.keypoints for name, pose in read_poses(given).items()}
        assert set(made) == set(clips)
        np.testing.assert_array_equal(made["both"], np.concatenate([made["first"], made["second"]]))
