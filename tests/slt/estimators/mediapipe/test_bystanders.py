from pathlib import Path

import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import MEDIAPIPE_75
from slt.estimators.mediapipe import bystanders
from slt.estimators.mediapipe.bystanders import Person, Watch, others, people_warning

SHARED = Path(__file__).parents[5] / "shared"


def person(x: float, size: float = 100) -> Person:
    """Stands at x; `size` from the breastbone to the hips."""
    return Person(np.array([x, 200 + size]), np.array([x, 200.0]))


def tracked(x: float, frames: int = 12) -> PoseSequence:
    points = np.full((frames, 75, 2), np.nan, np.float32)
    for side, offset in (("left", 40), ("right", -40)):
        points[:, MEDIAPIPE_75.index(f"{side}_shoulder")] = (x + offset, 200)
    sure = (~np.isnan(points[..., 0])).astype(np.float32)
    return PoseSequence(points, sure, 25, MEDIAPIPE_75, Provenance(units="pixel"))


@pytest.mark.parametrize(
    ("people", "offsets"),
    [
        ([], []),
        ([person(300)], []),
        ([person(300), person(700)], [400]),
        ([person(300), person(60, 90), person(700)], [-240, 400]),
        ([person(300), person(700, 40)], []),  # far behind
        ([person(300), person(340)], []),  # the same one twice
        ([person(305), person(310, 120)], []),
        ([person(700)], []),  # only the detector sees the tracked one elsewhere: it is compared with itself
    ],
)
def test_who_counts_as_another(people, offsets):
    assert others(people, np.array([300.0, 200.0]), 80.0) == offsets
    assert others(people, np.array([np.nan, np.nan]), float("nan")) == []


class Detector:
    """Finds what the first pixel of a frame says."""

    def __init__(self, scenes: dict[int, list[Person]]) -> None:
        self.scenes, self.looked = scenes, 0

    def people(self, frame: np.ndarray) -> list[Person]:
        self.looked += 1
        return self.scenes[int(frame[0, 0, 0])]


def watch(monkeypatch, scenes: list[int], stride: int = 1) -> tuple[PoseSequence, Detector]:
    alone, with_right, with_left = [person(300)], [person(300), person(700)], [person(300), person(20), person(-300)]
    detector = Detector({0: alone, 1: with_right, 2: with_left})
    monkeypatch.setattr(bystanders, "_detector", lambda: detector)
    one = Watch(len(scenes))
    frames = [None if k % stride else np.full((2, 2, 3), scene, np.uint8) for k, scene in enumerate(scenes)]
    passed = list(one.over(iter(frames)))
    assert all(a is b for a, b in zip(passed, frames, strict=True))
    return one.note(tracked(300, len(scenes))), detector


def test_three_frames_are_looked_at_and_two_have_to_show_somebody(monkeypatch):
    pose, detector = watch(monkeypatch, [1] * 12)
    assert detector.looked == 3
    assert people_warning(pose) == "another person was seen at the right of the picture; the one at the left was taken"
    pose, _ = watch(monkeypatch, [2] * 12)
    assert people_warning(pose) == "2 other people were seen at the left of the picture; the one at the right was taken"
    for scenes in ([0] * 12, [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]):  # nobody else, or who passes by
        pose, _ = watch(monkeypatch, scenes)
        assert people_warning(pose) is None and pose.provenance.stages == ()
    pose, _ = watch(monkeypatch, [0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    assert people_warning(pose) is not None


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_short_clips(monkeypatch, frames):
    pose, detector = watch(monkeypatch, [1] * frames)
    assert detector.looked <= frames and (people_warning(pose) is not None) == (detector.looked > 0)


def test_frames_that_are_not_looked_at_are_passed_over(monkeypatch):
    pose, detector = watch(monkeypatch, [1] * 40, stride=8)
    assert detector.looked == 3 and people_warning(pose)


@pytest.mark.skipif(not (SHARED / "cases" / "a20").is_dir(), reason="../shared/cases is absent")
@pytest.mark.parametrize(
    ("path", "said"),
    [("cases/a20/two_people.mp4", True), ("data/video/sign_test_video.mp4", False)],
)
def test_two_people_side_by_side_and_one_alone(path, said):
    from slt.estimators.mediapipe.estimator import MediaPipeEstimator

    pose = MediaPipeEstimator(pose_stride=4)(SHARED / path)
    assert (people_warning(pose) is not None) == said
