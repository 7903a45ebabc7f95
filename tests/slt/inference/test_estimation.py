"""Which estimator a model folder gives, what is asked of it, and what a model is told of poses made otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.inference.estimation import Sparse, estimator_config, named_estimator, other_models


def made_with(*records: dict[str, Any]) -> PoseSequence:
    stages = tuple(StageRecord("estimate", config=record) for record in records)
    about = Provenance("a.mp4", estimator="mediapipe", units="pixel", stages=stages)
    return PoseSequence(np.zeros((2, 50, 2)), np.ones((2, 50)), 25, SIGNING_50, about)


def test_what_is_asked_for_holds_and_the_rest_is_the_models():
    trained = {"estimator": {"name": "mediapipe", "pose_model": "heavy", "speed": "fast"}}
    found = estimator_config(trained, Path("m"), sparse=Sparse(hands="second"), fps=30)
    assert (found.pose_model, found.hands, found.speed, found.fps) == ("heavy", "second", "fast", 30)
    assert estimator_config(trained, Path("m"), sparse=Sparse(pose_model="full")).pose_model == "full"
    assert estimator_config(trained, Path("m")).pose_model == "heavy"
    assert estimator_config(trained, Path("m"), "mediapipe").pose_model == "full"
    assert named_estimator("mediapipe", Sparse(4, hands="second")).hands == "second"


def test_what_an_estimator_does_not_have_is_refused():
    for asked in (Sparse(pose_model="heavy"), Sparse(hands="second")):
        with pytest.raises(InputError, match="an option of mediapipe, not of openpose-json"):
            named_estimator("openpose-json", asked)
    with pytest.raises(InputError, match=r"--hands.*'holistic' or 'second'"):
        named_estimator("mediapipe", Sparse(hands="third"))


@pytest.mark.parametrize(
    ("trained", "made", "told"),
    [
        ({}, {}, []),
        ({"pose_model": "full", "hands": "holistic"}, {}, []),
        ({}, {"pose_model": "heavy"}, ["2D with pose_model 'heavy', the model was trained with 'full'"]),
        ({"hands": "second"}, {}, ["2D with hands 'holistic', the model was trained with 'second'"]),
        ({"pose_model": "heavy"}, {"pose_model": "heavy"}, []),
    ],
)
def test_a_model_is_told_of_poses_by_others_than_it_was_trained_with(trained, made, told):
    raw = made_with({"estimator": "mediapipe"} | made)
    assert other_models({"name": "mediapipe"} | trained, "", raw) == told
    file = made_with({"estimator": "mediapipe"} | made, {"estimator": "poses", "pose_stride": 1})
    assert other_models({"name": "mediapipe"} | trained, "", file) == told, "a file of poses says it, too"
    assert other_models({"name": "poses"}, "", raw) == []
    assert other_models({"name": "mediapipe"} | trained, "", made_with({"estimator": "openpose"})) == []


def test_a_model_is_told_of_other_weights_that_the_user_brings():
    def told(version: str, estimator: str = "rtmlib", trained: str = "0.0.13, weights 0123456789ab") -> list[str]:
        about = Provenance("a.mp4", estimator=estimator, estimator_version=version, units="pixel")
        raw = PoseSequence(np.zeros((2, 50, 2)), np.ones((2, 50)), 25, SIGNING_50, about)
        return other_models({"name": "rtmlib"}, trained, raw)

    assert told("0.0.14, weights ba9876543210") == [
        "2D with weights ba9876543210, the model was trained with 0123456789ab"
    ]
    assert told("0.0.14, weights 0123456789ab") == [] == told("0.0.14, weights ba9876543210", trained="")
    assert told("1.7", "openpose") == []
