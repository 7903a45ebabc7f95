"""What the viewer is given: joints that can be unpacked again, what was seen, and the sentences."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skeletor.files.plain_json import to_json
from skeletor.poses.begins import begun
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.support.errors import InputError
from slt.inference.chain import Translation
from slt.viewer.page import write_page
from slt.viewer.scene import make_scene
from tests.slt.viewer.scenes import FRAMES, LOST, SIZE, poses, recording, scene


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    """(T, 50, D), as viewer.js reads it."""
    numbers = np.frombuffer(base64.b64decode(packed["data"]), "<i2").reshape(FRAMES, 50, packed["dims"])
    values = np.array(packed["centre"]) + packed["scale"] * numbers
    return np.where(numbers == -32768, np.nan, values)


def seen(values: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(values["seen"]), np.uint8).reshape(FRAMES, 50) == 1


def test_joints_come_back_to_a_fraction_of_a_pixel_and_missing_ones_as_missing():
    raw, lifted, refined = poses()
    made = json.loads(to_json(scene()))
    for which, pose in (("raw", lifted), ("repaired", refined)):
        np.testing.assert_allclose(unpacked(made["space"][which]), pose.keypoints, atol=4e-4)
    flat = unpacked(made["flat"]["raw"])
    np.testing.assert_allclose(flat, raw.keypoints, atol=0.02)  # NaN where NaN
    assert np.isnan(flat[LOST, 8:29]).all() and not np.isnan(flat[:, :8]).any()
    np.testing.assert_allclose(
        unpacked(made["flat"]["repaired"]), refined.keypoints[..., :2] * 50 + [160, 80], atol=0.02
    )
    assert made["picture"] == list(SIZE) and made["frames"] == FRAMES and len(made["bones"]) == 49


def test_what_was_seen_is_what_the_estimator_was_sure_of():
    raw, lifted, refined = poses()
    expected = np.ones((FRAMES, 50), bool)
    expected[LOST, 8:29] = False
    assert (seen(scene()) == expected).all()
    unsure = raw.confidence.copy()
    unsure[3, 4] = 0.05
    assert not seen(make_scene("a", raw.replace(confidence=unsure), lifted, refined))[3, 4]
    nobody_told = lifted.replace(confidence=np.zeros((FRAMES, 50)))  # 3D from elsewhere, without confidences
    assert seen(make_scene("a", nobody_told, nobody_told, nobody_told)).all()


def test_between_key_frames_the_last_one_stays():
    raw, lifted, refined = poses()
    keys = np.arange(FRAMES) % 4 == 0
    points = np.where(keys[:, None, None], raw.keypoints, np.nan)
    confidence = np.where(keys[:, None], raw.confidence, 0)
    sparse = raw.replace(points, confidence, stage=StageRecord("estimate", config={"pose_stride": 4}))
    made = make_scene("a", sparse, lifted, refined)
    flat, there = unpacked(made["flat"]["raw"]), seen(made)
    for t in range(FRAMES):
        np.testing.assert_allclose(flat[t], raw.keypoints[t // 4 * 4], atol=0.02)
        assert (there[t] == (raw.confidence[t // 4 * 4] > 0)).all()


def test_far_joints_are_left_out_and_spoil_nothing():
    raw, lifted, refined = poses()
    points = lifted.keypoints.copy()
    points[5, 10] = 1e5
    made = make_scene("a", raw, lifted.replace(points), refined)
    back = unpacked(made["space"]["raw"])
    assert np.isnan(back[5, 10]).all()
    points[5, 10] = np.nan
    np.testing.assert_allclose(back, points, atol=4e-4)
    assert made["box"]["radius"] < 3


def test_3d_alone_has_no_picture_and_nobody_at_all_is_no_error():
    _, lifted, refined = poses()
    assert make_scene("a", lifted, lifted, refined)["flat"] is None
    nobody = lifted.replace(np.full((FRAMES, 50, 3), np.nan), np.zeros((FRAMES, 50)))
    made = make_scene("a", nobody, nobody, nobody)
    assert np.isnan(unpacked(made["space"]["raw"])).all() and not seen(made).any() and made["box"]["radius"] > 0


def test_poses_that_do_not_belong_together_are_refused():
    raw, lifted, refined = poses()
    with pytest.raises(InputError, match="repaired is no 3D pose of 50 frames"):
        make_scene("a", raw, lifted, refined.frames(0, 9))
    with pytest.raises(InputError, match="raw is no 3D pose"):
        make_scene("a", raw, raw, refined)


def test_sentences_have_their_times_glosses_and_reasons():
    said = scene()["said"]
    first, second = said["sentences"]
    assert (first["text"], first["confidence"], first["reason"]) == ("regen <b>im</b> norden", 0.7, None)
    assert [(s["gloss"], s["start"], s["end"]) for s in first["signs"]] == [("REGEN", 0.1, 0.5), ("<NORD>", 0.5, 0.9)]
    assert first["top"] == [
        {"label": "REGEN", "confidence": 0.7},
        {"label": "<i>WIND</i>", "confidence": 0.2},
    ]
    assert second["top"] == []
    assert (second["text"], second["reason"], second["start"]) == (None, "the hands were not seen", 1.2)
    assert said["text"] and said["warnings"] == ["look at the times"]
    assert make_scene("a", *poses())["said"] is None


def test_one_sentence_covers_the_clip_and_what_was_not_understood_has_no_glosses_and_no_guesses():
    signals = {"log_prob": float(np.log(0.5))}
    recorded = recording().sentences[0].signs, recording().sentences[0].top
    whole = Translation("a", "regen .", None, (), 0.0, signals, 2.0, {}, {}, (), ("REGEN",), *recorded)
    (only,) = make_scene("a", *poses(), whole)["said"]["sentences"]
    assert (only["start"], only["end"], only["glosses"]) == (0.0, 2.0, ["REGEN"]) and len(only["signs"]) == 2
    assert [guess["label"] for guess in only["top"]] == ["REGEN", "<i>WIND</i>"]
    assert only["confidence"] == pytest.approx(0.5)
    told = make_scene("a", *poses(), dataclasses.replace(whole, text=None, reason="unsure"))["said"]
    assert told["reason"] == told["sentences"][0]["reason"] == "unsure" and told["text"] is None
    assert told["sentences"][0]["glosses"] == told["sentences"][0]["signs"] == told["sentences"][0]["top"] == []


def test_a_thin_scene_has_every_nth_frame_at_its_time() -> None:
    raw, lifted, refined = poses()
    whole, thin = (make_scene("a", raw, lifted, refined, thin=n) for n in (1, 3))
    assert thin["frames"] == 17 and thin["frames"] / thin["fps"] == pytest.approx(FRAMES / whole["fps"], abs=3 / 25)
    for place in ("space", "flat"):
        numbers = [np.frombuffer(base64.b64decode(s[place]["repaired"]["data"]), "<i2") for s in (whole, thin)]
        assert (numbers[0].reshape(FRAMES, -1)[::3] == numbers[1].reshape(17, -1)).all()
    assert (seen(whole)[::3].ravel() == np.frombuffer(base64.b64decode(thin["seen"]), np.uint8)).all()


def test_a_scene_tells_when_its_first_frame_is_shown_and_the_page_s_own_copy_begins_with_it(tmp_path: Path) -> None:
    raw, lifted, refined = poses()
    late = PoseSequence(raw.keypoints, raw.confidence, raw.fps, raw.skeleton, begun(raw.provenance, 1.25))
    made = make_scene("clip.mp4", late, lifted, refined)
    assert made["begins"] == 1.25 and make_scene("clip.mp4", raw, lifted, refined)["begins"] == 0
    write_page(made, tmp_path / "a.html")
    assert re.search(r'"begins": ?0(\.0)?[,}]', (tmp_path / "a.html").read_text())
