from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skeletor.lifters import protocols

ORACLE = Path(__file__).parents[4] / "shared" / "oracles" / "uplift_learned" / "uu_data.npz"
PELVIS = 6  # the root of the oracle's poses


@pytest.mark.skipif(not ORACLE.is_file(), reason="no ../shared")
def test_equals_the_published_evaluation() -> None:
    with np.load(ORACLE, allow_pickle=False) as file:
        z = {key: file[key] for key in file.files}
    predicted, truth = z["pred"], z["gt"][..., :3]
    ours, known = (p - p[:, PELVIS : PELVIS + 1] for p in (predicted, truth))
    assert protocols.mpjpe(ours, known) == pytest.approx(float(z["mpjpe"]), rel=1e-6)
    assert protocols.n_mpjpe(ours, known) == pytest.approx(float(z["nmpjpe"]), rel=1e-6)
    assert protocols.p_mpjpe(predicted, truth) == pytest.approx(float(z["pmpjpe"]), rel=1e-6)
    np.testing.assert_allclose(protocols.interpolated(predicted[::5], 5, len(predicted)), z["interp5"], atol=1e-12)
    np.testing.assert_allclose(protocols.screen(z["norm_in"], 1000, 1002), z["norm_out"])


def poses(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(6, 17, 3))


def test_procrustes_undoes_a_similarity_but_no_reflection() -> None:
    truth = poses()
    turned = 3 * truth @ Rotation.random(6, random_state=0).as_matrix() + np.array([1, 2, 3])
    assert protocols.p_mpjpe(turned, truth) == pytest.approx(0, abs=1e-9)
    assert protocols.p_mpjpe(truth * np.array([-1, 1, 1]), truth) > 0.1
    assert protocols.n_mpjpe(truth * 7, truth) == pytest.approx(0, abs=1e-9)


def test_velocity_shares_and_curves() -> None:
    truth = poses()
    assert protocols.mpjve(truth + 5, truth) == pytest.approx(0, abs=1e-9)
    off = truth + np.array([100.0, 0, 0])
    assert protocols.pck(off, truth) == 1 and protocols.pck(off, truth, 99.0) == 0
    assert protocols.auc(off, truth) == pytest.approx(9 / 30)  # 105, 110, ..., 145


def test_the_tail_is_held() -> None:
    filled = protocols.interpolated(np.arange(3.0).reshape(3, 1, 1), 2, 8)[:, 0, 0]
    np.testing.assert_allclose(filled, [0, 0.5, 1, 1.5, 2, 2, 2, 2])
