"""2D poses from worker processes, as they are asked for. Workers start anew each time (spawn): few tests."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from skeletor.io.formats import write_pose
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from skeletor.support.signals import Ended
from slt.estimators.ahead import Ahead, estimated_ahead, usable_cores
from slt.estimators.pool import Outcome
from slt.estimators.pose_files import PosesOptions
from slt.estimators.registry import build_estimator

POSES = PosesOptions(pose_stride=2)


def write_clip(path: Path, seed: int) -> Path:
    points = np.random.default_rng(seed).uniform(0, 99, (8, 50, 2)).astype(np.float32)
    write_pose(PoseSequence(points, np.ones((8, 50), np.float32), 25.0, SIGNING_50, Provenance(units="pixel")), path)
    return path


def test_each_pose_and_each_error_comes_to_whoever_asks(tmp_path: Path) -> None:
    good = [write_clip(tmp_path / f"{k}.safetensors", k) for k in range(3)]
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nothing")
    with estimated_ahead([good[0], bad, *good[1:]], POSES, 2) as estimate:
        for path in reversed(good):
            ahead, alone = estimate(path), build_estimator(POSES)(path)
            assert np.array_equal(ahead.keypoints, alone.keypoints, equal_nan=True)
            assert ahead.provenance == alone.provenance
        with pytest.raises(InputError, match=r"bad\.safetensors"):
            estimate(bad)
        assert not any(path in estimate for path in (bad, *good)), "what was taken is not kept"


@pytest.mark.parametrize(("count", "bars"), [(1, 1), (2, 0)])
def test_how_far_an_only_clip_is_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int, bars: int
) -> None:
    """By the worker that is at it; bars of several would write over each other."""
    shown: list[str] = []

    @contextmanager
    def bar() -> Iterator[None]:
        shown.append("bar")
        yield

    monkeypatch.setattr("slt.estimators.ahead.shown", bar)
    monkeypatch.setattr("slt.estimators.ahead.run_tasks", lambda tasks, *_: (task() for task in tasks.values()))
    paths = [write_clip(tmp_path / f"{k}.safetensors", k) for k in range(count)]
    with estimated_ahead(paths, POSES, 1) as estimate:
        assert [len(estimate(path)) for path in paths] == [8] * count
    assert len(shown) == bars


def die() -> Outcome:
    os._exit(9)


def fine(name: str) -> Outcome:
    return Outcome(name, pose=PoseSequence(np.zeros((1, 50, 2)), np.ones((1, 50)), 25.0, SIGNING_50))


def test_a_worker_that_dies_is_an_error_of_its_clip_only() -> None:
    ahead = Ahead({"dead": die, "sound": partial(fine, "sound")}, 1).start()
    assert len(ahead(Path("sound"))) == 1
    with pytest.raises(InputError, match="dead: its worker process died twice"):
        ahead(Path("dead"))
    ahead.stop()


def slow() -> Outcome:
    time.sleep(60)
    return Outcome("slow")


def test_whoever_gives_up_waits_for_nothing() -> None:
    before = time.monotonic()
    ahead = Ahead({"slow": slow}, 1).start()
    while not multiprocessing.active_children():
        assert time.monotonic() < before + 20
    ahead.stop()
    assert time.monotonic() < before + 30 and not multiprocessing.active_children()


def test_there_is_a_core() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_a_signal_while_it_starts_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    start, before = threading.Thread.start, set(threading.enumerate())

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        if thread.name == "ahead":
            raise Ended(signal.SIGINT)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(Ended), estimated_ahead([Path("never read")], POSES, 1):
        pass
    assert set(threading.enumerate()) == before and not multiprocessing.active_children()
