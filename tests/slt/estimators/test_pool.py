"""Many clips over worker processes."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from skeletor.io import native
from skeletor.io.formats import write_pose
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.support.errors import InputError
from slt.estimators.openpose_files import OpenPoseJsonOptions
from slt.estimators.pool import KILLED, Outcome, estimate_many, run_tasks
from slt.estimators.pose_files import PosesOptions
from slt.estimators.registry import build_estimator
from tests.skeletor.io.signer import person, signer, write_json

pytestmark = pytest.mark.usefixtures("forked_workers")

POSES = PosesOptions()


def write_clip(path: Path, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(0, 100, (8, len(BODY25_HANDS), 2)).astype(np.float32)
    confidence = np.ones(keypoints.shape[:2], np.float32)
    write_pose(PoseSequence(keypoints, confidence, 25.0, BODY25_HANDS, Provenance("x.mp4", units="pixel")), path)
    return path


def test_bad_files_do_not_stop_the_others_and_a_second_run_skips(tmp_path: Path) -> None:
    sources = {f"clip{k}": write_clip(tmp_path / f"clip{k}.pose", k) for k in range(3)}
    (tmp_path / "text.pose").write_text("no pose")
    sources |= {"text": tmp_path / "text.pose", "gone": tmp_path / "gone.pose"}
    out = tmp_path / "out"
    report = estimate_many(sources, POSES, out, workers=2)
    assert report.done == ("clip0", "clip1", "clip2") and report.skipped == ()
    assert set(report.failed) == {"text", "gone"}
    assert "text.pose" in report.failed["text"] and "gone.pose" in report.failed["gone"]
    assert sorted(p.name for p in out.iterdir()) == [f"clip{k}.safetensors" for k in range(3)], "nothing half-written"
    for name in report.done:
        kept, alone = native.read_pose(out / f"{name}.safetensors"), build_estimator(POSES)(sources[name])
        assert np.array_equal(kept.keypoints, alone.keypoints) and kept.provenance == alone.provenance
        assert kept.skeleton == SIGNING_50

    write_clip(sources["clip1"], seed=9)  # other bytes
    (out / "clip2.safetensors").write_bytes(b"broken")
    good = {name: sources[name] for name in report.done}
    again = estimate_many(good, POSES, out, workers=1)
    assert (again.done, again.skipped, dict(again.failed)) == (report.done, ("clip0",), {})
    fresh = build_estimator(POSES)(sources["clip1"])
    assert np.array_equal(native.read_pose(out / "clip1.safetensors").keypoints, fresh.keypoints)

    other = PosesOptions(fps=50.0)  # other options
    assert estimate_many({"clip0": sources["clip0"]}, other, out, 1).skipped == ()
    assert native.read_pose(out / "clip0.safetensors").fps == 50


def test_nothing_to_do_starts_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a worker was started")

    monkeypatch.setattr("slt.estimators.pool.worker_pool", refuse)
    source = write_clip(tmp_path / "a.pose")
    write_pose(build_estimator(POSES)(source), tmp_path / "out" / "a.safetensors")
    assert estimate_many({"a": source}, POSES, tmp_path / "out", 2).skipped == ("a",)
    assert estimate_many({}, POSES, tmp_path / "out", 2).done == ()


def test_a_killed_worker_is_replaced_and_its_clip_named() -> None:
    tasks: dict[str, Callable] = {name: partial(Outcome, name, None) for name in ("a", "b", "c", "d")}
    tasks["b"] = partial(os._exit, 9)  # what the out-of-memory killer looks like from here
    outcomes = {outcome.name: outcome.reason for outcome in run_tasks(tasks, workers=2)}
    assert outcomes == {"a": None, "b": KILLED, "c": None, "d": None}


@pytest.mark.parametrize("name", ["", "a/b", ".."])
def test_names_are_file_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="file name"):
        estimate_many({name: tmp_path / "x.pose"}, POSES, tmp_path / "out", 1)


def test_the_choice_of_a_signer_is_logged_by_the_parent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "two"
    still, moving = signer(6, moves=0), signer(6, centre=(300, 100))
    for t in range(6):
        write_json(folder, t, [person(still, t), person(moving, t)])
    monkeypatch.setattr(logging.getLogger("skeletor"), "propagate", True)
    with caplog.at_level(logging.INFO, "skeletor"):
        report = estimate_many({"two": folder}, OpenPoseJsonOptions(), tmp_path / "out", 1)
    assert report.done == ("two",)
    assert "largest_moving_hands" in caplog.text
    x = native.read_pose(tmp_path / "out" / "two.safetensors").keypoints[0, 0, 0]
    assert x == pytest.approx(moving["nose"][0, 0], rel=1e-5)
