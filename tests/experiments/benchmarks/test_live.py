"""The live bench: its simulation of two cores, without MediaPipe."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.benchmarks.live import LiveBench, Simulated, _estimated, stream
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from slt.estimators.mediapipe.estimator import unavailable
from slt.live.channel import Mailbox
from slt.video import open_video, write_video
from tests.slt.live.fakes import Poses


@pytest.mark.parametrize(("cost", "share"), [(0.0, 1.0), (0.08, 0.5)])
def test_an_estimator_that_takes_longer_than_a_frame_loses_frames(tmp_path, monkeypatch, cost, share):
    write_video(tmp_path / "film.mp4", [np.zeros((16, 16, 3), np.uint8)] * 100, 25)
    spent = [0.0]
    monkeypatch.setattr("experiments.benchmarks.live.time.thread_time", lambda: spent[0])

    def work(number: int) -> None:
        spent[0] += cost

    pose = PoseSequence(np.zeros((100, 50, 2)), np.ones((100, 50)), 25, SIGNING_50)
    clock = Simulated()
    frames = Mailbox(25.0, clock)
    rows, costs = _estimated(open_video(tmp_path / "film.mp4"), frames, Poses(pose, work), clock, 1)
    assert len(rows) == pytest.approx(100 * share, abs=5) and len(rows) + frames.dropped == frames.came == 100
    assert costs == pytest.approx([cost] * (len(rows) - 1))
    assert all(ready >= row.arrived for ready, row in rows)
    assert [row.slot for _, row in rows] == sorted({row.slot for _, row in rows})


def test_the_stream_has_rests_before_between_and_behind(tmp_path):
    write_video(tmp_path / "film.mp4", [np.full((16, 16, 3), 60 * k, np.uint8) for k in range(4)], 10)
    made = list(stream(LiveBench(clip=str(tmp_path / "film.mp4"), repeats=2, rest=0.5)))
    assert len(made) == 5 + 4 + 5 + 4 + 5
    assert [round(float(one.mean()) / 60) for one in made] == [*[0] * 5, 0, 1, 2, 3, *[0] * 5, 0, 1, 2, 3, *[0] * 5]


@pytest.mark.slow
@pytest.mark.skipif(unavailable() is not None, reason=f"mediapipe: {unavailable()}")
def test_its_smallest_form(tmp_path: Path) -> None:
    sizes = ["repeats=1", "rest=1.0", "strides=[4]", "segments=[rule]"]
    changes = [part for size in sizes for part in ("--set", size)]
    assert main(["live", "--work", str(tmp_path / "work"), "--results", str(tmp_path), *changes]) == 0
    made = json.loads((tmp_path / "live.json").read_text())["segments"]["rule"]["4"]
    assert made["came"] == 36 and made["frames"] == 36 - made["dropped"] and made["sentences"] == 1
    assert "| 1 frame in 4 | rule |" in (tmp_path / "live.md").read_text()
