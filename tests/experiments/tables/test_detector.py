"""Table 6 on a made-up run; events of a detector, told from the truth."""

from pathlib import Path

import numpy as np
import pytest

from experiments.tables.config import MotionConfig, load_table
from experiments.tables.data import motion_clips
from experiments.tables.detector import error_parts, hand_events, make, standing_hands
from skeletor.io.store import write_store
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.trained import SHIPPED
from skeletor.support.errors import InputError

YAML = Path(__file__).parents[3] / "experiments" / "tables" / "table6.yaml"

LEFT, RIGHT = (list(SIGNING_50.group(g)) for g in ("left_hand", "right_hand"))


@pytest.fixture(scope="module")
def true() -> PoseSequence:
    pose = motion_clips(MotionConfig(train=2, dev=1, test=1), "test")[0]
    points = pose.keypoints[:, :, :2] * 60 + 120
    return PoseSequence(points, pose.confidence, 25, SIGNING_50, Provenance(units="pixel"))


def test_a_perfect_detection_has_no_events(true: PoseSequence) -> None:
    events = hand_events(true, true)
    assert not events.lost.any() and not events.swapped.any() and not events.frozen.any()


def test_lost_swapped_and_frozen_hands_are_found(true: PoseSequence) -> None:
    points, confidence = true.keypoints.copy(), true.confidence.copy()
    speed = np.linalg.norm(np.diff(true.keypoints[:, RIGHT], axis=0), axis=2).mean(1)
    frozen = 1 + int(speed.argmax())
    apart = np.linalg.norm(true.keypoints[:, RIGHT] - true.keypoints[:, LEFT], axis=2).mean(1)
    apart[max(0, frozen - 2) : frozen + 3] = 0
    swapped = int(apart.argmax())
    points[frozen, RIGHT] = points[frozen - 1, RIGHT]
    points[swapped, RIGHT] = points[swapped, LEFT]
    points[0, LEFT], confidence[0, LEFT] = np.nan, 0
    events = hand_events(true.replace(points, confidence), true)
    assert events.lost[0, 0] and events.lost.sum() == 1
    assert events.swapped[swapped, 1] and events.swapped.sum() == 1
    assert events.frozen[frozen, 1]


def test_a_hand_that_repeats_its_shape_stands(true: PoseSequence) -> None:
    points = true.keypoints.copy()
    points[5, LEFT] = points[4, LEFT] + 3  # carried by the wrist, but the same shape
    standing = standing_hands(true.replace(points), tolerance=1e-3)
    assert standing[5, LEFT].all()
    assert not standing[:, RIGHT].any() and not standing[:, :8].any()


def test_parts_of_an_error_sum_to_it() -> None:
    error = np.random.default_rng(0).normal(size=(60, 4, 3)) + 2.0
    parts = error_parts(error)
    np.testing.assert_allclose(sum(parts.values()), error, atol=1e-12)
    assert np.abs(parts["static"] - 2).max() < 1
    assert (parts["fast"] ** 2).mean() > 5 * (parts["slow"] ** 2).mean()  # white noise is fast


@pytest.fixture
def run(tmp_path: Path, true: PoseSequence) -> Path:
    """A run of one dev clip whose right hand is lost for 5 frames."""
    whole = motion_clips(MotionConfig(train=2, dev=1, test=1), "test")[0]
    lost = np.zeros(whole.confidence.shape, bool)
    lost[20:25, RIGHT] = True

    def without(pose: PoseSequence) -> PoseSequence:
        return pose.replace(np.where(lost[..., None], np.nan, pose.keypoints), np.where(lost, 0, pose.confidence))

    stores = {
        "estimated/dev": without(true), "corpus/truth2d/dev": true, "lifted/dev": without(whole), "truth/dev": whole,
        "lifted/true-dev": whole, "refined/skeletor/dev": whole,
    }  # fmt: skip
    for folder, pose in stores.items():
        write_store(tmp_path / "run" / folder, [("clip", pose)])
    return tmp_path / "run"


def test_a_refiner_of_a_file_is_a_row_of_every_table(run: Path, tmp_path: Path) -> None:
    shipped = load_table(YAML)
    name, file = next(iter(shipped.refiners.items()))
    assert (YAML.parents[2] / file).samefile(SHIPPED)
    small = {"run": str(run), "parts": ["dev"], "models": [], "motion_models": [], "smoothers": ["none", "linear"],
             "refiners": {name: str(SHIPPED)}}  # fmt: skip
    numbers = make(load_table(YAML, small), tmp_path / "work").numbers
    rows = ["nothing done", "linear", "Skeletor (the run's)", name]
    assert list(numbers["overall, truth"]) == rows and list(numbers["parts"])[:-1] == [rows[0], *rows[2:]]
    missing = {row: values["missing"] for row, values in numbers["by_band, truth"]["rows"].items()}
    assert missing["Skeletor (the run's)"] == 0 < missing[name] < 30  # cm
    moved = {row: values["sound"] for row, values in numbers["by_event, truth"]["rows"].items()}
    assert moved["nothing done"] == 0 and moved[name] < 0.5


def test_a_refiner_whose_file_is_missing_is_told_before_any_training(run: Path, tmp_path: Path) -> None:
    small = {"run": str(run), "parts": ["dev"], "refiners": {"mine": str(tmp_path / "none.safetensors")}}
    with pytest.raises(InputError, match=r"none\.safetensors"):
        make(load_table(YAML, small), tmp_path / "work")
    assert not (tmp_path / "work").exists()
