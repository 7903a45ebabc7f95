"""Clips that are too long to be one sentence are named before the training."""

from __future__ import annotations

import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from slt.pipeline.work.readers.lengths import tell_long


def still(seconds: float, fps: float) -> PoseSequence:
    frames = round(seconds * fps)
    return PoseSequence(np.zeros((frames, 50, 3), np.float32), np.ones((frames, 50), np.float32), fps, SIGNING_50)


def test_the_longest_are_named_first_whatever_their_rate(caplog: pytest.LogCaptureFixture) -> None:
    clips = {
        "talk": still(90, 25),
        "slow": still(70, 10),
        "fast": still(20, 100),
        "five": still(300, 5),
        "b": still(61, 25),
    }
    tell_long(clips.items())
    assert "clips of 60 s or more in train: five (300 s), talk (90 s), slow (70 s) and 1 more;" in caplog.text


def test_sentences_are_not_told(caplog: pytest.LogCaptureFixture) -> None:
    tell_long([("a", still(59, 25)), ("b", still(3, 50))])
    assert not caplog.text
