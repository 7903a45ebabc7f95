"""The estimator `rtmlib` from a file of weights to joints, with models that see points of known colours."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from skeletor.io import native
from skeletor.io.layouts.tables import layout_named
from skeletor.poses.begins import begins
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.poses.span import Span
from skeletor.support.errors import InputError, MissingDependency
from slt.cli import stages
from slt.estimators import pool as estimators_pool
from slt.estimators import registry
from slt.estimators.base import Estimator, record, source_sha256
from slt.estimators.pool import Job, estimate_jobs
from slt.estimators.registry import build_estimator, check_weights, weights_digests
from slt.estimators.rtm import wholebody
from slt.estimators.rtm.wholebody import RtmlibOptions, on_body25_hands, unavailable
from slt.pipeline.cache.stage import stage_key
from slt.pipeline.context import Here
from slt.video import Video, open_video
from tests.slt.estimators.rtm.tiny import background, colours, detector, draw, pose_model

WHOLE = layout_named("coco_wholebody_133")
# Numbers of COCO-WholeBody's own definition, not of the table that is tested here.
NOSE, SHOULDERS, ELBOWS, WRISTS = 0, (5, 6), (7, 8), (9, 10)
LEFT_HAND, RIGHT_HAND = 91, 112
Points = dict[int, tuple[int, int]]


@pytest.fixture(autouse=True)
def no_weights_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "skeletor-slt" / "rtmlib"


@pytest.fixture
def both() -> None:
    for package in ("onnxruntime", "rtmlib"):
        pytest.importorskip(package, reason="the extra rtm is not installed")


@pytest.fixture
def pose(tmp_path: Path, both: None) -> str:
    return str(pose_model(tmp_path / "rtmw.onnx"))


@pytest.fixture
def people(tmp_path: Path, both: None) -> str:
    return str(detector(tmp_path / "yolox.onnx", labels=False))


def signer(x: int, y: int, hands: int = 0) -> Points:
    """Somebody who faces the camera, between x and x + 60: the own left side is at the right of the picture."""
    points = {NOSE: (x + 30, y + 5)}
    for (left, right), out, down in ((SHOULDERS, 12, 20), (ELBOWS, 20, 34), (WRISTS, 16, 46)):
        points |= {left: (x + 30 + out, y + down), right: (x + 30 - out, y + down)}
    for first, middle in ((LEFT_HAND, x + 44), (RIGHT_HAND, x + 8)):
        points |= {first + k: (middle + 4 * (k % 4), y + 54 + 4 * (k // 4) - hands) for k in range(21)}
    return points


def folder(path: Path, pictures: list[np.ndarray]) -> Path:
    path.mkdir()
    for number, picture in enumerate(pictures):
        assert cv2.imwrite(str(path / f"{number:04d}.png"), np.ascontiguousarray(picture[:, :, ::-1]))
    return path


def picture_of(*people: Points, size: tuple[int, int] = (190, 110), margin: int = 12) -> np.ndarray:
    picture = background(size)
    for points in people:
        places = np.array(list(points.values()))
        draw(picture, points, (*(places.min(0) - margin), *(places.max(0) + margin)))
    return picture


def estimate(source: Path, weights: str, **options: object) -> PoseSequence:
    return build_estimator(RtmlibOptions(weights=weights, device="cpu", **options))(source)


def wanted(points: Points) -> np.ndarray:
    """(50, 2) where `estimate` should find somebody."""
    found = np.full((len(SIGNING_50), 2), np.nan)
    for joint, place in WHOLE.columns.items():
        if joint in SIGNING_50.joints and place in points:
            found[SIGNING_50.index(joint)] = points[place]
    left, right = (SIGNING_50.index(f"{side}_shoulder") for side in ("left", "right"))
    found[SIGNING_50.index("neck")] = (found[left] + found[right]) / 2
    return found


def test_points_come_back_where_they_were_in_the_picture(tmp_path: Path, pose: str, people: str) -> None:
    """Off the middle, in a picture of another form than the model's input: what is put in comes back to the pixel."""
    one = signer(100, 14)
    found = estimate(folder(tmp_path / "f", [picture_of(one)]), pose, detector=people)
    assert found.skeleton == SIGNING_50 and found.keypoints.shape == (1, 50, 2)
    assert np.abs(found.keypoints[0] - wanted(one)).max() <= 1.0
    assert not found.missing.any()
    assert (found.confidence > 0.5).all() and found.confidence.max() == 1, "the models' scores reach 1.2"
    about = found.provenance
    assert (about.estimator, about.units, about.image_size, about.source) == ("rtmlib", "pixel", (190, 110), "f")


def test_left_and_right_are_the_signers_own(tmp_path: Path, pose: str) -> None:
    found = estimate(folder(tmp_path / "f", [picture_of(signer(18, 14))]), pose).keypoints[0, :, 0]
    for joint in ("shoulder", "elbow", "wrist", "hand_root", "hand_index_1"):
        left, right = (found[SIGNING_50.index(f"{side}_{joint}")] for side in ("left", "right"))
        assert left > right, f"who faces the camera has the right {joint} at smaller x"


def test_without_a_detector_the_whole_picture_is_one_person(tmp_path: Path, pose: str) -> None:
    one = signer(18, 14)
    found = estimate(folder(tmp_path / "f", [picture_of(one)]), pose)
    assert np.abs(found.keypoints[0] - wanted(one)).max() <= 1.0


def test_what_is_not_seen_is_missing_and_no_zero(tmp_path: Path, pose: str, people: str) -> None:
    whole = signer(18, 14)
    no_left = {number: place for number, place in whole.items() if not LEFT_HAND <= number < RIGHT_HAND}
    frames = folder(tmp_path / "f", [picture_of(whole), picture_of(no_left), picture_of(), picture_of(whole)])
    found = estimate(frames, pose, detector=people)
    left, right = list(SIGNING_50.group("left_hand")), list(SIGNING_50.group("right_hand"))
    assert found.missing[1, left].all() and not found.missing[1, right].any()
    assert found.missing[2].all() and (found.confidence[found.missing] == 0).all()
    assert not found.missing[[0, 3]].any()
    blind = estimate(frames, pose)  # without a detector the scores tell
    assert blind.missing[2].all()


def test_where_the_detector_finds_nobody_the_frame_is_missing_whatever_the_model_sees(
    tmp_path: Path, pose: str, people: str
) -> None:
    picture = background((190, 110))
    draw(picture, signer(18, 14))
    assert estimate(folder(tmp_path / "f", [picture]), pose, detector=people).missing.all()


def test_of_several_people_the_one_whose_hands_move_is_taken(tmp_path: Path, pose: str, people: str) -> None:
    """The one who stands still is in the other half, and is not in the middle of the picture's crop."""
    frames = [picture_of(signer(18, 14), signer(112, 18, hands=2 * (t % 3))) for t in range(7)]
    found = estimate(folder(tmp_path / "f", frames), pose, detector=people)
    for t in range(7):
        assert np.abs(found.keypoints[t] - wanted(signer(112, 18, hands=2 * (t % 3)))).max() <= 1.0
    chosen = found.provenance.stage("signer")
    assert chosen is not None and chosen.config["people"] == 2


def test_a_stride_and_a_part_keep_every_frame_in_its_place(tmp_path: Path, pose: str) -> None:
    signers = [signer(40 + t, 14) for t in range(6)]
    source = folder(tmp_path / "f", [picture_of(one) for one in signers])
    thin = estimate(source, pose, pose_stride=2)
    assert len(thin) == 6 and thin.missing[1::2].all() and not thin.missing[::2].any()
    assert np.abs(thin.keypoints[4] - wanted(signers[4])).max() <= 1.0
    part = build_estimator(RtmlibOptions(weights=pose))(source, Span(2 / 25, 5 / 25))
    assert len(part) == 3 and np.abs(part.keypoints[0] - wanted(signers[2])).max() <= 1.0


def test_pictures_that_begin_after_the_sound_are_told(
    tmp_path: Path, pose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*asked: Any) -> Video:
        video = open_video(*asked)
        video.begins = 0.4
        return video

    monkeypatch.setattr(wholebody, "open_video", late)
    found = estimate(folder(tmp_path / "f", [picture_of(signer(18, 14))]), pose)
    assert begins(found.provenance) == 0.4


def test_other_weights_of_the_same_name_are_another_estimator(tmp_path: Path, pose: str, people: str) -> None:
    """Nothing that was made with other weights passes for what these make; where they lie does not matter."""
    options = RtmlibOptions(weights=pose, detector=people)
    source = folder(tmp_path / "f", [picture_of(signer(18, 14))])
    target = tmp_path / "f.safetensors"
    assert not estimate_jobs({"f": Job(source, target)}, options, 1).failed
    made = native.read_pose(target).provenance.stages[-1]

    def tells(own: RtmlibOptions) -> tuple[StageRecord, str]:
        """What a clip that is kept has to have, and the key of the stage of a run."""
        return record(build_estimator(own), source_sha256(source)), stage_key(own.portable(), weights_digests(own), ())

    before = tells(options)
    assert before[0] == made
    kinds = "weights", "detector"
    assert tuple(f"{kind} {made.config[kind]}" for kind in kinds) == weights_digests(options)
    assert tells(RtmlibOptions(weights=str(shutil.copy(pose, tmp_path / "moved.onnx")), detector=people)) == before
    alone = tells(RtmlibOptions(weights=pose))
    assert alone[0] != made and alone[1] != before[1]
    pose_model(Path(pose), size=(96, 128))
    after = tells(options)
    assert after[0] != made and after[1] != before[1]


def test_weights_are_checked_and_compared_in_another_process(
    tmp_path: Path, pose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool in this process stands for it: onnxruntime does not outlive a fork, and spawned ones import for long."""
    inside = []

    class Other(Here):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            inside.append(fn)
            try:
                return super().submit(fn, *args, **kwargs)
            finally:
                inside.pop()

    def seen(options: RtmlibOptions) -> Estimator:
        assert inside, "loaded by the process that asks"
        return built(options)

    built = registry.build_estimator
    for module in (registry, estimators_pool):
        monkeypatch.setattr(module, "worker_pool", lambda *_: Other())
        monkeypatch.setattr(module, "build_estimator", seen)
    options = RtmlibOptions(weights=pose, device="cpu")
    jobs = {"f": Job(folder(tmp_path / "f", [picture_of(signer(18, 14))]), tmp_path / "f.safetensors")}
    check_weights(options)
    assert estimate_jobs(jobs, options, 1).done == estimate_jobs(jobs, options, 1).skipped == ("f",)
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(InputError, match=r"bad\.onnx"):
        check_weights(RtmlibOptions(weights=str(tmp_path / "bad.onnx")))
    (tmp_path / "bad.onnx").write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        weights_digests(RtmlibOptions(weights=str(tmp_path / "bad.onnx")))


def test_weights_that_are_not_named_are_looked_for_in_the_users_cache(
    no_weights_of_the_user: Path, pose: str, people: str, tmp_path: Path
) -> None:
    with pytest.raises(MissingDependency, match=r"^estimator rtmlib: .*pose\.onnx is not there; put .*--pose-weights"):
        build_estimator(RtmlibOptions())
    no_weights_of_the_user.mkdir(parents=True)
    shutil.copy(pose, no_weights_of_the_user / "pose.onnx")
    assert unavailable() is None
    assert list(RtmlibOptions().files()) == ["weights"]
    shutil.copy(people, no_weights_of_the_user / "detector.onnx")
    assert list(RtmlibOptions().files()) == ["weights", "detector"]
    assert list(RtmlibOptions(weights=pose).files()) == ["weights"], "what is named is all that is used"
    found = build_estimator(RtmlibOptions())(folder(tmp_path / "f", [picture_of(signer(18, 14)), picture_of()]))
    assert not found.missing[0].any() and found.missing[1].all()


def test_nothing_of_the_place_of_weights_goes_into_a_model_folder() -> None:
    kept = RtmlibOptions(weights="/home/me/rtmw.onnx", detector="/home/me/d.onnx", device="cuda:1").portable()
    assert kept == {"name": "rtmlib", "fps": None, "pose_stride": 1, "least_score": 0.3}


def test_it_takes_what_the_reader_of_133_points_takes() -> None:
    """Each point is the joint that files of the same points are read as."""
    points = np.arange(133 * 2, dtype=float).reshape(1, 133, 2) + 1
    scores = np.full((1, 133), 0.9)
    scores[0, [5, 92, 93]] = 0.5, 0.29, np.nan
    values = on_body25_hands(points, scores)
    for joint, column in WHOLE.columns.items():
        place = BODY25_HANDS.index(joint)
        assert values[0, place, :2] == pytest.approx(points[0, column])
    neck = values[0, BODY25_HANDS.index("neck")]
    assert neck == pytest.approx([*(points[0, 5] + points[0, 6]) / 2, 0.5])
    left = list(BODY25_HANDS.group("left_hand"))
    assert list(np.flatnonzero(values[0, left, 2] == 0)) == [1, 2], "too low, and no number"
    assert on_body25_hands(np.zeros((0, 133, 2)), np.zeros((0, 133))).shape == (0, 67, 3)


def test_the_command_takes_files_of_weights(
    tmp_path: Path, pose: str, people: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(folder(tmp_path / "f", [picture_of(signer(18, 14))]))
    named = ["--estimator", "rtmlib", "--pose-weights", pose, "--detector", people]
    assert stages.main("poses", [source, "-o", str(tmp_path / "out"), *named], "") == 0
    written = native.read_pose(tmp_path / "out" / "f.safetensors")
    assert np.abs(written.keypoints[0] - wanted(signer(18, 14))).max() <= 1.0
    assert "body 100 %, left hand 100 %" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"--pose-weights"):
        stages.main("poses", [source, "--pose-weights", pose, "-o", str(tmp_path)], "")


def test_the_colours_are_told_apart() -> None:
    apart = np.linalg.norm(colours()[:, None] - colours()[None], axis=2) + 1e9 * np.eye(133)
    assert apart.min() > 20
