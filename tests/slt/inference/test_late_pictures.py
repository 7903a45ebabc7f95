"""Subtitles go by the players' clock where a recording's pictures begin after its sound."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from skeletor.poses.begins import begun
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.poses.span import Span
from slt.estimators.base import cut
from slt.inference.chain import Translation
from slt.inference.recording import Recording
from slt.inference.sentences import Sentence
from slt.recognise.decoding.align import Sign

LATE = begun(Provenance("a.mp4"), 2.0)


def test_of_a_recording_cues_and_json_are_later() -> None:
    sign = Sign("RAIN", 0.5, 0.9, 0.8)
    told = Sentence(0.4, 1.6, "it rains .", None, 0.9, glosses=("RAIN",), signs=(sign,))
    made = Recording("a.mp4", (told,), None, 5.0, {}, dataclasses.asdict(LATE), ())
    (cue,) = made.cues()
    assert (cue.start_s, cue.end_s, cue.signs[0].start) == (2.4, 3.6, 2.5)
    (found,) = json.loads(made.json())["sentences"]
    assert (found["start_s"], found["end_s"], found["signs"][0]["end"]) == (2.4, 3.6, 2.9)
    assert made.sentences == (told,), "the viewer counts from the first frame"
    (cue,) = dataclasses.replace(made, provenance={}).cues()
    assert (cue.start_s, cue.end_s) == (0.4, 1.6)


def test_of_one_sentence_too() -> None:
    made = Translation("a.mp4", "it rains .", None, (), 0.0, {}, 3.0, {}, dataclasses.asdict(LATE), ())
    assert "00:00:02,000 --> 00:00:05,000" in made.srt()
    signed = dataclasses.replace(made, glosses=("RAIN",), signs=(Sign("RAIN", 0.5, 0.9, 0.8),))
    (found,) = json.loads(signed.json())["signs"]
    assert (found["gloss"], found["start"], found["end"]) == ("RAIN", 2.5, 2.9)


def test_parts_of_poses_go_by_the_same_clock() -> None:
    keypoints = np.arange(50, dtype=np.float32)[:, None, None] * np.ones((50, 50, 2), np.float32)
    pose = PoseSequence(keypoints, np.ones((50, 50), np.float32), 25, SIGNING_50, LATE)
    part = cut(pose, Span(2.4, 3.0), Path("a.safetensors"))
    assert part.keypoints[:, 0, 0] == pytest.approx(np.arange(10, 25))
