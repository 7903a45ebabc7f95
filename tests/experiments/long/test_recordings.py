"""Recordings of any length: they are as long as they should be, and what a translation needed is told."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.long import recordings
from experiments.long.recordings import Needed, page, repeated, translated, turns
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.inference.chain import SHIPPED
from slt.video import open_video
from tests.slt.inference.test_recording import talk

CLIP = Path(__file__).resolve().parents[3] / "examples/forecast.mp4"


def test_a_clip_is_repeated_without_a_gap_and_without_a_frame_lost(tmp_path):
    with open_video(CLIP) as video:
        frames, fps = sum(1 for _ in video), video.fps
    out = repeated(CLIP, 2.5 * frames / fps / 60, tmp_path / "long.mp4")
    with open_video(out) as video:
        assert video.fps == fps and sum(1 for _ in video) == 3 * frames
    with pytest.raises(InputError, match=r"none\.mp4"):
        repeated(tmp_path / "none.mp4", 1, out)


def test_takes_in_turn():
    takes = [
        PoseSequence(np.full((n, 50, 2), float(n), np.float32), np.ones((n, 50), np.float32), 25, SIGNING_50)
        for n in (3, 5)
    ]
    found = turns(takes, 18)
    assert found.keypoints[:, 0, 0].tolist() == [3] * 3 + [5] * 5 + [3] * 3 + [5] * 5 + [3] * 2


def test_what_a_translation_needed_is_seen_from_outside(tmp_path):
    from skeletor.io.formats import write_poses

    write_poses({"talk": talk()}, tmp_path / "talk.safetensors")
    needed = translated("poses", 0.1, tmp_path / "talk.safetensors", SHIPPED, tmp_path / "out")
    assert needed.cpu > 0.5 and needed.peak > 100 * 2**20 and needed.seconds > 0
    with pytest.raises(InputError, match="ended with 2"):
        translated("poses", 0.1, tmp_path / "none.safetensors", SHIPPED, tmp_path / "out")
    assert "no such file" in (tmp_path / "out.log").read_text()


def test_bytes_that_differ_are_told():
    row = Needed("poses, killed", 15, 3, 1.0, 1.0, 2**20, False)
    assert "| NO |" in page([row], "python -m experiments recordings")


def test_a_run_that_had_ended_before_it_was_killed_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "translated", lambda *_: None)
    monkeypatch.setattr(recordings, "_running", lambda *_: subprocess.Popen([sys.executable, "-S", "-c", ""]))
    with pytest.raises(InputError, match="had ended"):
        recordings.killed("poses", 0.1, tmp_path / "none.safetensors", SHIPPED, tmp_path)


def test_what_was_started_does_not_outlive_who_started_it(tmp_path):
    with pytest.raises(KeyboardInterrupt), recordings._running(CLIP, SHIPPED, tmp_path / "out", ()) as process:
        raise KeyboardInterrupt
    assert process.returncode == -signal.SIGKILL
