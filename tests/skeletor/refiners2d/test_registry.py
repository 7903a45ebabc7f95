"""2D refiners of whole poses: their contract, left and right alike, and their files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.refiners2d.fit import fit_refiner_2d
from skeletor.refiners2d.registry import REFINERS_2D, FittedOptions, Refiner2D, build_refiner_2d
from skeletor.refiners2d.weights import FITTINGS, load_refiner_2d, save_refiner_2d
from skeletor.support.errors import InputError
from tests.skeletor.refiners2d.parts2d import clips

FITTED = tuple(FITTINGS)


def config(name: str) -> FittedOptions:
    port = {"width": 8, "inner": 8, "heads": 1, "layers": 1, "steps": 5, "batch": 8}
    options = REFINERS_2D.parse({"name": name, "stride": 1, **({"port": port} if name == "port" else {})})
    assert isinstance(options, FittedOptions)
    return options


@pytest.fixture(name="weights", scope="module")
def _weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("refine2d")
    for name in FITTED:
        fitted, bones = fit_refiner_2d(*clips(12, 0), config(name), 1, "made up", "ours")
        save_refiner_2d(fitted, config(name), bones, folder / name)
    return {name: str(folder / name) for name in FITTED}


def gappy(pose: PoseSequence) -> PoseSequence:
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[3:6, 8:29], confidence[3:6, 8:29] = np.nan, 0  # a hand, for a while
    keypoints[7, 30], confidence[7, 30] = np.nan, 0  # one joint
    keypoints[9], confidence[9] = np.nan, 0  # a whole frame
    return pose.replace(keypoints, confidence)


@pytest.mark.parametrize("name", REFINERS_2D.names())
@pytest.mark.parametrize("frames", [0, 1, 12])
def test_every_one_keeps_frames_confidence_and_units(name: str, frames: int, weights: dict[str, str]) -> None:
    refiner = build_refiner_2d(REFINERS_2D.parse({"name": name, "weights": weights.get(name)}))
    pose = gappy(clips(1, 50)[1]["clip0"]).frames(0, frames)
    result = refiner(pose)
    assert result.keypoints.shape == pose.keypoints.shape and result.keypoints.dtype == np.float32
    np.testing.assert_array_equal(result.confidence, pose.confidence)
    assert (result.fps, result.provenance.units) == (25, "pixel")
    record = result.provenance.stages[-1]
    assert (record.version, record.config["name"]) == (refiner.version, name)
    if name == "none":
        np.testing.assert_array_equal(result.keypoints, pose.keypoints)
    elif frames == 12:
        gone = pose.missing
        gone[7, 30] = False  # one joint of a hand is filled in, a whole hand is not
        np.testing.assert_array_equal(result.missing, gone)


@pytest.mark.parametrize("name", FITTED)
def test_one_by_one_and_together_are_the_same(name: str, weights: dict[str, str]) -> None:
    refiner = build_refiner_2d(config(name).model_copy(update={"weights": weights[name]}))
    poses = list(clips(3, 60)[1].values())
    for one, other in zip(map(refiner, poses), refiner.many(poses), strict=True):
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-3)


def test_the_gaussian_is_nearer_to_the_truth(weights: dict[str, str]) -> None:
    refiner = build_refiner_2d(config("gaussian").model_copy(update={"weights": weights["gaussian"]}))
    truth, detected = clips(4, 70)
    for name, pose in detected.items():
        before, after = (np.linalg.norm(p.keypoints - truth[name].keypoints, axis=2) for p in (pose, refiner(pose)))
        for joints in (slice(0, 8), slice(8, 29), slice(29, 50)):
            assert after[:, joints].mean() < 0.9 * before[:, joints].mean()


@pytest.mark.parametrize("name", FITTED)
def test_a_mirrored_signer_has_mirrored_hands(name: str, weights: dict[str, str]) -> None:
    refiner = build_refiner_2d(config(name).model_copy(update={"weights": weights[name]}))
    pose = clips(1, 80)[1]["clip0"]
    mirror = SIGNING_50.mirror

    def mirrored(p: PoseSequence) -> PoseSequence:
        return p.replace(p.keypoints[:, mirror] * np.float32([-1, 1]), p.confidence[:, mirror])

    there = mirrored(refiner(mirrored(pose)))
    np.testing.assert_allclose(there.keypoints[:, 8:], refiner(pose).keypoints[:, 8:], atol=2e-3)


def test_files_have_the_same_bytes_and_say_where_they_come_from(weights: dict[str, str], tmp_path: Path) -> None:
    for name in FITTED:
        fitted, bones = fit_refiner_2d(*clips(12, 0), config(name), 1, "made up", "ours")
        save_refiner_2d(fitted, config(name), bones, tmp_path / name)
        assert (tmp_path / name).read_bytes() == Path(weights[name]).read_bytes()
        loaded = load_refiner_2d(weights[name])
        assert (loaded.name, loaded.data, loaded.licence) == (name, "made up", "ours")
        assert set(loaded.parts) == {"hand", "body"} and loaded.training["clips"] == 12
        pose = clips(1, 90)[1]["clip0"]
        np.testing.assert_array_equal(Refiner2D(loaded)(pose).keypoints, Refiner2D(fitted)(pose).keypoints)


def test_what_does_not_fit_is_refused_in_one_line(weights: dict[str, str], tmp_path: Path) -> None:
    gaussian = config("gaussian")
    (tmp_path / "half").write_bytes(Path(weights["gaussian"]).read_bytes()[:-9])
    (tmp_path / "other").write_bytes(b"no safetensors at all")
    cases = [
        (gaussian, "weights is not set"),
        (gaussian.model_copy(update={"weights": str(tmp_path / "gone")}), "no such file"),
        (gaussian.model_copy(update={"weights": str(tmp_path / "half")}), "damaged"),
        (gaussian.model_copy(update={"weights": str(tmp_path / "other")}), "damaged"),
        (gaussian.model_copy(update={"weights": weights["port"]}), "weights of port"),
    ]
    for wrong, message in cases:
        with pytest.raises(InputError, match=message) as caught:
            build_refiner_2d(wrong)
        assert "\n" not in str(caught.value)
    refiner = build_refiner_2d(gaussian.model_copy(update={"weights": weights["gaussian"]}))
    pose = clips(1, 0)[1]["clip0"]
    deep = pose.replace(np.concatenate([pose.keypoints, pose.keypoints[..., :1]], 2))
    with pytest.raises(InputError, match="3D"):
        refiner(deep)
    body25 = PoseSequence(np.zeros((1, 67, 2)), np.ones((1, 67)), 25, BODY25_HANDS)
    with pytest.raises(InputError, match="map the pose first"):
        refiner(body25)
    with pytest.raises(InputError, match="3 clips"):
        fit_refiner_2d(*clips(3, 0), gaussian, 1)


def test_hands_alone_are_for_any_skeleton_with_hands() -> None:
    only = config("gaussian").model_copy(update={"parts": ["hand"]})
    refiner = Refiner2D(fit_refiner_2d(*clips(8, 0), only, 1)[0])
    pose = clips(1, 3)[1]["clip0"]
    other = PoseSequence(np.zeros((12, 67, 2)), np.ones((12, 67)), 25, BODY25_HANDS)
    points = other.keypoints.copy()
    points[:, 25:] = pose.keypoints[:, 8:]
    sure = np.concatenate([other.confidence[:, :25], pose.confidence[:, 8:]], 1)
    refined = refiner(other.replace(points, sure)).keypoints
    np.testing.assert_allclose(refined[:, 25:], refiner(pose).keypoints[:, 8:], atol=1e-3)
    np.testing.assert_array_equal(refined[:, :25], 0)
