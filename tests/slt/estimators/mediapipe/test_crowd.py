"""Several people beside each other in a video: a strip for each, and in each frame the one who signs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from skeletor.poses.turns import turns_of
from slt.estimators.mediapipe.bystanders import Person
from slt.estimators.mediapipe.crowd import Strip, find_strips, strips_of
from slt.estimators.mediapipe.estimator import MediaPipeEstimator, MediaPipeOptions, unavailable
from slt.estimators.registry import build_estimator
from slt.pipeline.cache.stage import stage_key
from slt.video import open_video, write_video

SHARED = Path(__file__).parents[5] / "shared"
CLIP = Path(__file__).parents[4] / "examples" / "forecast.mp4"
WIDTH = 640


def person(x: float, size: float = 100.0) -> Person:
    """Stands at x; `size` from the breastbone to the hips."""
    return Person(np.array([x, 200 + size]), np.array([x, 200.0]))


@pytest.mark.parametrize(
    ("people", "cuts"),
    [
        ([], []),
        ([person(300)], []),
        ([person(160), person(480)], [320]),
        ([person(480), person(160)], [320]),
        ([person(120, 120), person(480, 60)], [360]),  # by their sizes
        ([person(100), person(320), person(540)], [210, 430]),
        ([person(300), person(340)], []),  # one who was found twice
        ([person(160), person(480, 40)], []),  # far behind
        ([person(-200), person(100)], []),  # guessed beyond the picture
        ([person(100), person(320), person(700)], [210]),
    ],
)
def test_strips_lie_between_people_and_cover_the_picture(people: list[Person], cuts: list[int]) -> None:
    strips = strips_of([people] * 6, WIDTH)
    assert [(one.left, one.right) for one in strips] == list(pairwise([0, *cuts, WIDTH]))


def test_who_is_there_seldom_has_no_strip_and_order_and_gaps_do_not_matter() -> None:
    left, right, passer = person(160), person(480), person(320)
    assert len(strips_of([[left]] * 9 + [[left, right]], WIDTH)) == 1
    looks = [[left, right], [right, left], [left], [right, left, passer], [left, right], [right]] * 2
    assert strips_of(looks, WIDTH) == [Strip(0, 320), Strip(320, WIDTH)]
    assert strips_of([], WIDTH) == [Strip(0, WIDTH)]


def test_a_strip_of_frames() -> None:
    frames = [np.arange(24, dtype=np.uint8).reshape(2, 4, 3), None]
    first, second = Strip(1, 3).of(iter(frames))
    np.testing.assert_array_equal(first, frames[0][:, 1:3])
    assert second is None and first.flags["C_CONTIGUOUS"]


def test_it_is_an_option_that_decides_the_cache() -> None:
    assert stage_key(MediaPipeOptions().model_dump(), (), ()) != stage_key(
        MediaPipeOptions(people="turns").model_dump(), (), ()
    )
    if not unavailable():
        assert "people" not in MediaPipeEstimator().options
        assert build_estimator(MediaPipeOptions(people="turns")).options["people"] == "turns"


@pytest.mark.skipif(bool(unavailable()) or not CLIP.is_file(), reason="no mediapipe, or no example")
def test_two_people_take_turns_in_a_video(tmp_path: Path) -> None:
    frames = list(open_video(CLIP))[:56]
    still = frames[0]
    both = [
        np.concatenate(pair, 1)
        for pair in [*((frame, still) for frame in frames), *((still, frame) for frame in frames)]
    ]
    write_video(tmp_path / "two.mp4", both, 25)
    with open_video(tmp_path / "two.mp4") as video:
        strips = find_strips(video)
    width = frames[0].shape[1]
    assert len(strips) == 2 and abs(strips[0].right - width) < 0.15 * width
    pose = build_estimator(MediaPipeOptions(people="turns", pose_stride=2))(tmp_path / "two.mp4")
    (one, two) = turns_of(pose)
    assert (one.signer, two.signer) == (1, 2) and abs(one.stop - len(frames)) <= 12
    neck = pose.keypoints[::2, 1, 0]
    assert np.nanmax(neck[: one.stop // 2]) < width < np.nanmin(neck[-(-two.start // 2) :])
    alone = build_estimator(MediaPipeOptions(pose_stride=2))(CLIP).frames(0, 40)
    away = np.linalg.norm(pose.keypoints[:40, :8] - alone.keypoints[:, :8], axis=2)
    shoulders = np.nanmedian(np.linalg.norm(alone.keypoints[:, 2] - alone.keypoints[:, 5], axis=1))
    assert np.nanmedian(away) < 0.05 * shoulders


@pytest.mark.skipif(bool(unavailable()) or not (SHARED / "cases" / "a20").is_dir(), reason="../shared/cases is absent")
def test_two_people_side_by_side_have_strips() -> None:
    with open_video(SHARED / "cases" / "a20" / "two_people.mp4") as video:
        assert len(find_strips(video)) == 2
