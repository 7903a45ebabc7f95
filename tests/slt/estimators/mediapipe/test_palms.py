"""The second look for a lost hand: only what is at the wrist, of its side, and no other hand is believed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.cli import stages
from slt.estimators.mediapipe import graphs, palms, track
from slt.estimators.mediapipe.estimator import MediaPipeEstimator, MediaPipeOptions, unavailable
from slt.estimators.mediapipe.palms import TRUST, Lost, search
from slt.estimators.registry import build_estimator
from slt.pipeline.cache.stage import stage_key
from slt.video import open_video, write_video

if unavailable():
    pytest.skip(f"mediapipe: {unavailable()}", allow_module_level=True)
SIZE = np.array([200.0, 100.0])
WIDTH = 40.0
NONE = np.full((21, 3), np.nan)


def lost(**changes: Any) -> Lost:
    """A right hand whose wrist is at (100, 50)."""
    around = np.tile([0.5, 0.5, 0.9], (3, 1))
    return Lost(**{"side": 1, "around": around, "width": WIDTH, "other": NONE} | changes)


def hand(x: float, y: float, extent: float = 20.0) -> np.ndarray:
    """(21, 2) pixels of a hand whose root is there."""
    points = np.random.default_rng(0).uniform(0, extent, (21, 2)) + [x, y]
    points[0] = x, y
    return points


@pytest.fixture(name="model")
def _model(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A palm that is found, and a model of hands that says what it is told to."""
    said = SimpleNamespace(points=hand(102, 50), side="Left", palm=True, boxes=[])
    protos = {"hand": lambda: SimpleNamespace(landmark=[SimpleNamespace(x=x, y=y) for x, y in said.points / SIZE]),
              "side": lambda: SimpleNamespace(classification=[SimpleNamespace(label=said.side)])}  # fmt: skip
    monkeypatch.setattr(
        palms, "_palm", lambda picture, box, *_: said.boxes.append(box) or ("place" if said.palm else None)
    )
    monkeypatch.setattr(graphs, "hand", lambda _, copy: lambda packets: {graphs.HAND: "hand", graphs.SIDE: "side"})
    from mediapipe.python import packet_getter

    monkeypatch.setattr(packet_getter, "get_proto", lambda packet: protos[packet]())
    return said


def found(one: Lost) -> bool:
    return bool(search("full", "image", np.zeros((100, 200, 3), np.uint8), one))


def test_a_hand_at_the_wrist_is_found_around_it(model: Any) -> None:
    assert found(lost())
    left, top, right, bottom = model.boxes[0]
    assert (left, right) == (72, 128) and (top, bottom) == (22, 78)


@pytest.mark.parametrize(
    ("points", "side", "other", "believed"),
    [
        (hand(100 + 0.3 * WIDTH, 50), "Left", NONE, True),
        (hand(100 + 0.4 * WIDTH, 50), "Left", NONE, False),  # not at the wrist
        (hand(102, 50), "Right", NONE, False),  # the other side
        (hand(102, 50), "Left", np.column_stack([(hand(104, 50)) / SIZE, np.ones(21)]), False),  # the other hand
        (hand(102, 50), "Left", np.column_stack([(hand(125, 50)) / SIZE, np.ones(21)]), True),
    ],
)
def test_what_cannot_be_that_hand_is_not_believed(model: Any, points, side, other, believed) -> None:
    model.points, model.side = points, side
    assert found(lost(other=other)) is believed


def test_without_a_palm_or_a_place_there_is_no_hand(model: Any) -> None:
    around = lost().around
    nowhere = [np.full((3, 3), np.nan), around * [1, 1, 0.3], around + [0.6, 0, 0], around - [0, 0.6, 0]]
    assert not any(found(lost(around=place)) for place in nowhere)
    assert not found(lost(width=float("nan"))) and not found(lost(width=0.0)) and not found(lost(width=10.0))
    assert model.boxes == []
    model.palm = False
    assert not found(lost())


def test_it_is_an_option_that_decides_the_cache_and_that_others_lack() -> None:
    usual, second = MediaPipeOptions(), MediaPipeOptions(hands="second")
    assert stage_key(usual.model_dump(), (), ()) != stage_key(second.model_dump(), (), ())
    assert "hands" not in MediaPipeEstimator().options and build_estimator(second).options["hands"] == "second"
    with pytest.raises(InputError, match="hands"):
        stages.main("poses", ["x.mp4", "--hands", "second", "--estimator", "poses"], "")


@pytest.fixture(name="clip")
def _clip(tmp_path: Path) -> Path:
    """The example's midst, in which the hands are up."""
    path = Path(__file__).parents[4] / "examples" / "forecast.mp4"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    write_video(tmp_path / "clip.mp4", list(open_video(path))[25:65], 25)
    return tmp_path / "clip.mp4"


def test_on_a_video_hands_are_added_at_lower_confidence_and_the_body_stays(clip: Path, monkeypatch) -> None:
    looked = track._Hand.look
    blind = {"on": False}

    def look(self: Any, image: Any, around: np.ndarray) -> np.ndarray:
        if blind["on"]:
            self._seen = {}
            return track._NO_HAND
        return looked(self, image, around)

    usual = build_estimator(MediaPipeOptions())(clip)
    second = build_estimator(MediaPipeOptions(hands="second"))(clip)
    np.testing.assert_array_equal(second.keypoints[:, :8], usual.keypoints[:, :8])
    roots = [SIGNING_50.index(f"{side}_hand_root") for side in ("left", "right")]
    added = usual.missing[:, roots] & ~second.missing[:, roots]
    assert (second.confidence[:, roots][added] <= TRUST).all()
    blind["on"] = True  # Holistic finds no hand at all: what comes is the second look's alone
    monkeypatch.setattr(track._Hand, "look", look)
    alone = build_estimator(MediaPipeOptions(hands="second"))(clip)
    both = ~alone.missing[:, roots] & ~usual.missing[:, roots]
    assert both.mean() > 0.3 and alone.confidence[:, roots].max() <= TRUST
    width = np.nanmedian(np.linalg.norm(usual.keypoints[:, 2] - usual.keypoints[:, 5], axis=1))
    away = np.linalg.norm(alone.keypoints[:, roots] - usual.keypoints[:, roots], axis=2)[both] / width
    assert np.median(away) < 0.1 and np.quantile(away, 0.95) < 0.35
