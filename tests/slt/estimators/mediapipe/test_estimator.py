"""MediaPipe without its face mesh against Holistic itself, on a real video."""

from __future__ import annotations

import operator
import warnings
import weakref
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from skeletor.poses.key_frames import key_frames, pose_stride
from skeletor.poses.pose import PoseSequence, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.estimators.mediapipe import graphs as mediapipe_graphs
from slt.estimators.mediapipe.estimator import MediaPipeOptions, unavailable
from slt.estimators.mediapipe.models.package import silence
from slt.estimators.mediapipe.models.pose_model import places, read_model
from slt.estimators.mediapipe.track import FULL, Tracker
from slt.estimators.registry import build_estimator
from slt.video import Span, open_video, write_video

if unavailable():
    pytest.skip(f"mediapipe: {unavailable()}", allow_module_level=True)
REAL = Path(__file__).parents[5] / "shared" / "data" / "phoenix14t_video"
REAL = REAL / "01April_2010_Thursday_tagesschau-4330.avi"  # the left half is the picture
FRAMES = 12


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few real frames of a signer at 500x500."""
    if not REAL.exists():
        pytest.skip(f"{REAL} is not here")
    frames = [frame[::2, :1000:2] for frame, _ in zip(open_video(REAL), range(FRAMES), strict=False)]
    path = tmp_path_factory.mktemp("clip") / "signer.mp4"
    write_video(path, frames, 25)
    return path


@pytest.fixture(scope="module")
def pose(clip: Path) -> PoseSequence:
    return build_estimator(MediaPipeOptions())(clip)


@pytest.fixture(scope="module")
def holistic(clip: Path) -> Iterator[list[object]]:
    """What `mp.solutions.holistic` makes of the same frames."""
    with silence(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mediapipe.python.solutions.holistic import Holistic

        with Holistic(model_complexity=1) as model:
            yield [model.process(frame) for frame in open_video(clip)]


def test_equals_holistic(pose: PoseSequence, holistic: list) -> None:
    body = {"nose": 0, "right_shoulder": 12, "right_elbow": 14, "right_wrist": 16, "left_shoulder": 11,
            "left_elbow": 13, "left_wrist": 15}  # fmt: skip
    hands = 0
    for t, result in enumerate(holistic):
        for joint, k in body.items():
            point = result.pose_landmarks.landmark[k]
            j = SIGNING_50.index(joint)
            assert pose.keypoints[t, j] == pytest.approx([point.x * 500, point.y * 500], abs=1e-3)
            assert pose.confidence[t, j] == pytest.approx(point.visibility, abs=1e-6)
        for side in ("left", "right"):
            group = list(SIGNING_50.group(f"{side}_hand"))
            found = getattr(result, f"{side}_hand_landmarks")
            if found is None:
                assert pose.missing[t, group].all() and (pose.confidence[t, group] == 0).all()
            else:
                hands += 1
                points = np.array([(p.x, p.y) for p in found.landmark]) * 500
                assert pose.keypoints[t, group] == pytest.approx(points, abs=1e-3)
    assert hands >= FRAMES, "the clip has to show hands for this test to mean anything"


def test_the_lite_hand_model_is_another_one(clip: Path, pose: PoseSequence) -> None:
    lite = build_estimator(MediaPipeOptions(hand_model="lite"))(clip)
    assert np.array_equal(lite.keypoints[:, :8], pose.keypoints[:, :8]), "the body is the same"
    hands = lite.keypoints[:, 8:] - pose.keypoints[:, 8:]
    assert np.isfinite(hands).any() and 0.1 < np.nanmedian(np.abs(hands)) < 10
    assert lite.provenance.stages[-1] != pose.provenance.stages[-1]


def test_without_the_mask_the_bits_are_the_same(clip: Path, pose: PoseSequence, monkeypatch) -> None:
    whole = next(places("full")).read_bytes()
    assert read_model("full") != whole
    monkeypatch.setattr(mediapipe_graphs, "read_model", lambda model: whole)
    monkeypatch.setattr(mediapipe_graphs, "body", cache(mediapipe_graphs.body.__wrapped__))  # loaded anew
    other = build_estimator(MediaPipeOptions())(clip)
    assert np.array_equal(other.keypoints, pose.keypoints, equal_nan=True)
    assert np.array_equal(other.confidence, pose.confidence)


def test_with_a_stride_only_key_frames_are_looked_at(clip: Path, pose: PoseSequence) -> None:
    sparse = build_estimator(MediaPipeOptions(pose_stride=4))(clip)
    key = key_frames(sparse)
    assert len(sparse) == FRAMES and sparse.fps == 25 and pose_stride(sparse) == 4 and pose_stride(pose) == 1
    assert key.sum() == FRAMES / 4
    assert sparse.missing[~key].all() and (sparse.confidence[~key] == 0).all()
    assert np.array_equal(sparse.keypoints[0], pose.keypoints[0], equal_nan=True), "the first frame is found alike"
    away = np.abs(sparse.keypoints[key, :8] - pose.keypoints[key, :8])
    assert not sparse.missing[key, :8].any() and np.median(away) < 5, "pixels; tracked over longer steps"


def test_left_and_right_are_the_signers_own(pose: PoseSequence) -> None:
    x = pose.keypoints[:, :, 0]
    assert (x[:, SIGNING_50.index("right_shoulder")] < x[:, SIGNING_50.index("left_shoulder")]).all()
    for side in ("left", "right"):  # a hand belongs to the wrist of its own side
        wrist, root = SIGNING_50.index(f"{side}_wrist"), SIGNING_50.index(f"{side}_hand_root")
        distance = np.linalg.norm(pose.keypoints[:, wrist] - pose.keypoints[:, root], axis=1)
        assert not np.isfinite(distance).any() or np.nanmedian(distance) < 30


def test_confidence_of_hands_is_the_presence_score(pose: PoseSequence) -> None:
    for side in ("left_hand", "right_hand"):
        score = pose.confidence[:, list(SIGNING_50.group(side))]
        assert (score == score[:, :1]).all(), "one number for a hand"
        found = score[:, 0][~pose.missing[:, SIGNING_50.group(side)[0]]]
        assert ((found > 0.5) & (found <= 1)).all()


def test_provenance_and_time(pose: PoseSequence, clip: Path) -> None:
    assert len(pose) == FRAMES and pose.fps == 25 and pose.skeleton == SIGNING_50 and pose.dims == 2
    origin = pose.provenance
    assert (origin.source, origin.sha256) == ("signer.mp4", file_sha256(clip))
    assert (origin.estimator, origin.units, origin.image_size) == ("mediapipe", "pixel", (500, 500))
    assert origin.estimator_version
    assert origin.stages[-1].name == "estimate"
    assert origin.stages[-1].config["source_sha256"] == origin.sha256


def test_nobody_and_same_again(tmp_path: Path, clip: Path, pose: PoseSequence, capfd: pytest.CaptureFixture) -> None:
    """Empty frames keep their place, with nobody in them; a second run gives the same bits; nothing is printed."""
    real = list(open_video(clip))
    empty = [np.zeros_like(real[0])] * 3
    write_video(tmp_path / "a.mp4", [*empty, *real[:2]], 25)
    estimator = build_estimator(MediaPipeOptions())
    first, second = estimator(tmp_path / "a.mp4"), estimator(tmp_path / "a.mp4")
    assert first.missing[:3].all() and (first.confidence[:3] == 0).all()
    assert not first.missing[3:, :8].any()
    assert np.array_equal(first.keypoints, second.keypoints, equal_nan=True)
    assert np.array_equal(first.confidence, second.confidence)
    assert capfd.readouterr().err == ""


def test_a_part_is_what_its_frames_alone_are(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "frames").mkdir()
    for k, frame in enumerate(list(open_video(clip))[4:9]):
        cv2.imwrite(str(tmp_path / "frames" / f"{k}.png"), frame[:, :, ::-1])
    estimator = build_estimator(MediaPipeOptions())
    part, alone = estimator(clip, Span(4 / 25, 9 / 25)), estimator(tmp_path / "frames")
    assert len(part) == 5 and not part.missing[:, :8].any()
    assert np.array_equal(part.keypoints, alone.keypoints, equal_nan=True)
    made = part.provenance.stages[-1].config
    assert (made["start"], made["end"], made["source_sha256"]) == (4 / 25, 9 / 25, file_sha256(clip))


@pytest.mark.parametrize("content", [b"", b"text"])
def test_bad_video(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    estimator = build_estimator(MediaPipeOptions())
    with pytest.raises(InputError, match=r"a\.mp4"):
        estimator(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=r"none\.mp4"):
        estimator(tmp_path / "none.mp4")


def test_what_remembers_goes_with_its_clip() -> None:
    """Each clip's graph stayed where the graph held, through what it calls, itself."""
    tracker = Tracker(True, "full", "full", FULL, aspect=1.0, fps=25.0)
    list(tracker.find([np.zeros((64, 64, 3), np.uint8)]))
    part = tracker._smoother
    assert part._graph is None, "nobody was there to smooth"
    part._started()
    graph = weakref.ref(part._graph)
    assert graph() is not None
    tracker.close()
    assert graph() is None


def test_models_are_loaded_once(clip: Path) -> None:
    estimator = build_estimator(MediaPipeOptions())
    estimator(clip)
    parts = mediapipe_graphs.detector, partial(mediapipe_graphs.body, "full"), partial(mediapipe_graphs.cropper, 0)
    loaded = [part()._graph for part in parts]
    estimator(clip)
    again = [part()._graph for part in parts]
    assert all(graph is not None for graph in loaded) and all(map(operator.is_, loaded, again))


EXAMPLE = Path(__file__).parents[4] / "examples" / "forecast.mp4"


def told(options: MediaPipeOptions, numbers: Iterable[int]) -> dict[int, PoseSequence]:
    """Those frames of the example one by one, in the order in which they were told."""
    rows: dict[int, PoseSequence] = {}
    estimator, wanted = build_estimator(options), set(numbers)
    with open_video(EXAMPLE) as video, estimator.follow("camera", video.fps, rows.__setitem__) as look:
        for number, frame in zip(range(max(wanted) + 1), video, strict=False):
            if number in wanted:
                look(frame, number)
    return rows


@pytest.mark.parametrize(
    "options",
    [{}, {"speed": "fast"}, {"speed": "faster", "pose_stride": 2}, {"hands": "second", "speed": "fast"}],
    ids=["full", "fast", "faster with a stride", "second hands"],
)
def test_pictures_one_by_one_give_what_their_file_gives(options: dict[str, object]) -> None:
    """Bit for bit, though body and hands have threads of their own: three looks at the body by fast."""
    asked = MediaPipeOptions.model_validate(options)
    stride = asked.pose_stride
    whole = build_estimator(asked)(EXAMPLE, Span(0.0, 13 / 25))
    rows = told(asked, range(0, 13, stride))
    assert list(rows) == list(range(0, 13, stride))
    for k, one in rows.items():
        assert len(one) == 1 and one.skeleton == SIGNING_50 and one.fps == 25.0
        np.testing.assert_array_equal(one.keypoints[0], whole.keypoints[k])
        np.testing.assert_array_equal(one.confidence[0], whole.confidence[k])
    assert one.provenance.units == "pixel" and one.provenance.image_size == whole.provenance.image_size
    assert pose_stride(one) == stride


def test_pictures_that_are_left_out_are_not_waited_for():
    """Each fourth one left out, as of a machine that is too slow."""
    rows = told(MediaPipeOptions(), [0, 1, 2, 4, 5, 6])
    assert list(rows) == [0, 1, 2, 4, 5, 6] and all(one.confidence[0, 2] > 0.5 for one in rows.values())


def test_models_of_a_stream_are_loaded_before_its_first_picture():
    estimator = build_estimator(MediaPipeOptions())
    estimator.load()
    parts = [mediapipe_graphs.detector(), mediapipe_graphs.body("full")]
    for copy in range(2):
        parts += [mediapipe_graphs.hand("full", copy), mediapipe_graphs.cropper(copy)]
    loaded = [part._graph for part in parts]
    assert all(graph is not None for graph in loaded) and parts[2] is not parts[4]
    told(MediaPipeOptions(), range(3))
    assert all(map(operator.is_, loaded, [part._graph for part in parts]))
