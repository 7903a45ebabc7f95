"""The reference method against the outputs of the original program."""

from pathlib import Path

import numpy as np
import pytest

from skeletor.lifters.kinematic import reference
from skeletor.lifters.kinematic.kinematics import CHILDREN, LENGTH_IDS, PARENTS
from skeletor.lifters.reference_lifter import ReferenceOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.normalise import denormalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50

ORACLES = Path(__file__).parents[5] / "shared" / "oracles" / "uplift_ik"
NAMES = ("demo", "edge_T40_n200", "slice_T40_n100", "slice_T40_n1000", "slice_T8_n50", "tail_with_missing_T30_n200")
ALIASES = {
    "norm": "normalized",
    "target": "target_xyw",
    "init_lines": "init_log_len",
    "init_roots": "init_root",
    "init_angles": "init_dir",
    "init3d": "init_xyz",
    "out3d": "ref1000_xyz",
    "lines": "ref1000_log_len",
}


@pytest.fixture(params=NAMES)
def oracle(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    return load(request.param)


def load(name: str) -> dict[str, np.ndarray]:
    path = ORACLES / f"oracle_{name}.npz"
    if not path.exists():
        pytest.skip(f"{path} is not here: the oracle outputs lie outside the repository")
    with np.load(path, allow_pickle=False) as file:
        values = {key: file[key] for key in file}
    for name_here, name_there in ALIASES.items():
        if name_there in values:
            values[name_here] = values[name_there]
    values.setdefault("n_cycles", np.array(1000))
    # The original orders bones by depth in the tree; ours follow the child joint.
    with np.load(ORACLES / "oracle_demo.npz", allow_pickle=False) as file:
        structure = file["structure"]
    order = np.argsort(structure[:, 1])
    assert (structure[order] == np.stack([PARENTS, CHILDREN, LENGTH_IDS], 1)).all()
    values["init_angles"] = values["init_angles"][:, order]
    return values


def test_preparation_equals_the_original(oracle: dict[str, np.ndarray]) -> None:
    standard, centre, sigma = reference.standardise(oracle["raw"])
    np.testing.assert_allclose(standard, oracle["norm"], atol=1e-4)
    np.testing.assert_allclose(standard[..., :2] * sigma + centre, oracle["raw"][..., :2], atol=1e-3)
    np.testing.assert_allclose(reference.prune(oracle["norm"]), oracle["pruned"], atol=1e-6)
    target = reference.interpolate(oracle["pruned"])
    np.testing.assert_allclose(target, oracle["target"], atol=1e-4)
    np.testing.assert_allclose(np.log(reference.median_lengths(target)), oracle["init_lines"], atol=1e-4)


def test_start_equals_the_original(oracle: dict[str, np.ndarray]) -> None:
    """Exact, but where a projection is longer than its bone: there the original takes one of two ways by rounding."""
    target = oracle["target"].astype(np.float64)
    lengths = np.exp(oracle["init_lines"].astype(np.float64))
    bones = lengths[LENGTH_IDS]
    joints = oracle["init3d"].astype(np.float64)
    flat = target[:, CHILDREN, :2] - joints[:, PARENTS, :2]  # (T, 49, 2)
    norm = np.linalg.norm(flat, axis=2, keepdims=True)
    whole = reference.direction(flat, bones)
    cut = reference.direction(flat * np.minimum(1, bones[:, None] / norm), bones)
    ours, other = (np.abs(d - oracle["init_angles"]).max(2) for d in (whole, cut))  # (T, 49)
    inside = norm[..., 0] < bones - 1e-5
    assert inside.mean() > 0.2
    assert ours[inside].max() < 1e-4
    assert np.minimum(ours, other).max() < 5e-4  # the original works in float32: sqrt(1e-7) is 3e-4
    begin = reference.start(target, lengths, oracle["init_roots"])
    assert np.abs(reference.forward(begin) - joints).max() < 5e-3


def check_descent(oracle: dict[str, np.ndarray]) -> None:
    target = oracle["target"].astype(np.float64)
    begin = reference.Unknowns(oracle["init_lines"], oracle["init_roots"], oracle["init_angles"])
    np.testing.assert_allclose(reference.forward(begin), oracle["init3d"], atol=1e-4)
    assert reference.objective(begin, target).total == pytest.approx(oracle["hist"][0, 4], abs=1e-5)
    end = reference.descend(begin, target, int(oracle["n_cycles"]))
    np.testing.assert_allclose(reference.forward(end), oracle["out3d"], atol=1e-4)
    np.testing.assert_allclose(end.log_lengths, oracle["lines"], atol=1e-4)
    assert reference.objective(end, target).total == pytest.approx(oracle["hist"][-1, 4], abs=1e-5)


@pytest.mark.parametrize("name", NAMES[1:])
def test_descent_equals_the_original(name: str) -> None:
    check_descent(load(name))


def test_hundred_cycles_of_the_whole_sequence() -> None:
    oracle = load("demo")
    oracle |= {"n_cycles": np.array(100), "out3d": oracle["ref100_xyz"], "lines": oracle["ref100_log_len"]}
    oracle["hist"] = oracle["ref100_hist"]
    check_descent(oracle)


@pytest.mark.slow
def test_thousand_cycles_of_the_whole_sequence() -> None:
    check_descent(load("demo"))


@pytest.mark.parametrize("name", ["edge_T40_n200", "slice_T40_n100"])
def test_the_stage_from_raw_joints_to_the_original_output(name: str) -> None:
    """Beginning to end, in the original's units. Not to 1e-4: the start is random, up to 0.001 in the root's place,
    which can be sqrt(2 x 0.001) in the depth of a bone that lies in the picture's plane."""
    oracle = load(name)
    points, confidence = oracle["raw"][..., :2].copy(), oracle["raw"][..., 2].clip(0, 1)
    points[confidence == 0] = np.nan
    pose = PoseSequence(points, confidence, 25.0, SIGNING_50)
    lifted = build_lifter(ReferenceOptions(cycles=int(oracle["n_cycles"])))(pose)
    _, centre, sigma = reference.standardise(oracle["raw"])
    ours = denormalise(lifted).keypoints
    ours[..., :2] -= centre
    theirs = oracle["out3d"] - [0, 0, np.median(oracle["out3d"][:, 1, 2])]
    np.testing.assert_allclose(ours / sigma, theirs, atol=0.045)
    assert np.abs(ours / sigma - theirs).mean() < 3e-3
