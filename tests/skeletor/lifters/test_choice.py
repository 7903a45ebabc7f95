"""`--lift NAME`: which lifter it means, and one line where it means none."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from skeletor.lifters.choice import (
    FIRST,
    NETWORKS,
    elsewhere_warnings,
    exchange_warnings,
    exchanged_lift,
    lift_values,
    newest_lifter,
    stored_lift,
)  # fmt: skip
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.learned.config import LiftTrainJob
from skeletor.lifters.learned.networks.registry import KINDS, build_network, network_arguments
from skeletor.lifters.learned.weights import LifterInfo, load_lifter, save_lifter
from skeletor.lifters.learned_lifter import LearnedOptions
from skeletor.lifters.registry import LIFTERS, SHIPPED, build_lifter, lift_weights
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import load_config
from skeletor.support.errors import InputError

PLAIN = LIFTERS.names(weighted=False)
ROOT = Path(__file__).parents[3]


def weights(path: Path, kind: str, when: int) -> Path:
    """Weights of a fresh network of the shipped size, written at second `when`."""
    model = load_config(ROOT / NETWORKS[kind], LiftTrainJob).model
    arguments = network_arguments(model, SIGNING_50)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_lifter(build_network(arguments), LifterInfo(arguments, "signing_50", 25.0, 0.1, 0.25), path)
    os.utime(path, (when, when))
    return path


def test_every_kind_and_every_mode_has_a_name():
    assert tuple(NETWORKS) == KINDS and set(PLAIN) == {"fast", "flat", "reference"}
    assert {load_config(ROOT / path, LiftTrainJob).model.kind for path in NETWORKS.values()} == set(KINDS)


@pytest.mark.parametrize("mode", PLAIN)
def test_a_lifter_without_weights_drops_those_of_the_stored_one(mode):
    stored = LearnedOptions(weights="x", stride=4)
    assert exchanged_lift(stored, mode) == LIFTERS.parse({"mode": mode})


def test_the_newest_weights_of_a_kind_are_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("SLT_RUNS", str(tmp_path))
    weights(tmp_path / "lift_joint_token" / "lifter.safetensors", "joint-token", 1000)
    newer = weights(tmp_path / "lifters-detector" / "joint-token" / "lifter.safetensors", "joint-token", 2000)
    weights(tmp_path / "other" / "lifter.safetensors", "uplift-upsample", 3000)
    broken = tmp_path / "broken" / "lifter.safetensors"
    broken.parent.mkdir()
    broken.write_bytes(b"no weights")
    assert newest_lifter("joint-token") == newer and newest_lifter("anatomy") is None
    chosen = exchanged_lift(FastOptions(minimum_confidence=0.2), "joint-token")
    assert chosen == LearnedOptions(weights=str(newer))
    assert build_lifter(chosen).name == "joint-token"
    with pytest.raises(InputError, match=r"--lift anatomy.*slt lift train configs/lift_anatomy.yaml"):
        lift_values("anatomy")


def test_a_file_is_taken_as_it_is_and_anything_else_is_one_line(tmp_path):
    file = tmp_path / "mine.safetensors"
    file.touch()
    assert lift_values(str(file)) == {"mode": "learned", "weights": str(file)}
    with pytest.raises(InputError, match="neither a lifter nor a file") as caught:
        lift_values("joint-tokens")
    assert "\n" not in str(caught.value)


def test_the_model_folders_own_lifter_keeps_its_weights_and_options(tmp_path):
    own = stored_lift({"mode": "learned", "weights": "lifter.safetensors", "stride": 2}, tmp_path)
    assert own.weights == str(tmp_path / "lifter.safetensors")
    assert exchanged_lift(own, None) is own and exchanged_lift(own, "learned") is own
    assert exchanged_lift(FastOptions(), "learned") == LearnedOptions() == LearnedOptions(weights=None)


def test_the_shipped_network_stands_in_where_none_was_trained(tmp_path, monkeypatch):
    monkeypatch.setenv("SLT_RUNS", str(tmp_path))
    assert LIFTERS.check(lift_values("joint-token"), "here") == LearnedOptions()
    assert lift_weights(LearnedOptions()) == SHIPPED and lift_weights(FastOptions()) is None
    info = load_lifter(SHIPPED).info
    assert info.kind == "joint-token" and info.skeleton == SIGNING_50.name and SHIPPED.stat().st_size < 10e6
    assert "cmu" in info.data.lower() and info.licence
    with pytest.raises(InputError, match="key 'weights': an option of learned, not of fast"):
        LIFTERS.check({"mode": "fast", "weights": "x"}, "here")
    with pytest.raises(InputError, match="key 'hand_reach': an option of fast, not of learned"):
        LIFTERS.check({"mode": "learned", "hand_reach": 0.5}, "here")


def test_poses_of_another_lifter_or_version_are_told() -> None:
    lifter = build_lifter(FastOptions())
    assert exchange_warnings(lifter.version, lifter, None) == exchange_warnings("", lifter, None) == ()
    (older,) = exchange_warnings(FIRST, lifter, None)
    assert f"version {FIRST} of the lifter fast, this is version {lifter.version}" in older
    (other,) = exchange_warnings(lifter.version, lifter, "reference")
    assert "reference" in other and "another lifter" in other


def test_poses_that_were_lifted_elsewhere_by_another_lifter_or_version_are_told() -> None:
    rng = np.random.default_rng(0)
    where = Provenance(units="pixel", image_size=(640, 480))
    flat = PoseSequence(rng.uniform(100, 300, (4, 50, 2)), np.ones((4, 50)), 25.0, SIGNING_50, where)
    lifter = build_lifter(FastOptions())
    lifted = lifter(flat)
    assert elsewhere_warnings(lifter.version, "fast", lifted) == elsewhere_warnings("", "fast", lifted) == ()
    assert elsewhere_warnings(FIRST, "fast", flat) == (), "2D is lifted here"
    (older,) = elsewhere_warnings(FIRST, "fast", lifted)
    assert f"version {lifter.version} of the lifter fast" in older and f"trained on version {FIRST}" in older
    (other,) = elsewhere_warnings(lifter.version, "learned", lifted)
    assert "lifted by fast" in other and "lifted by learned" in other
