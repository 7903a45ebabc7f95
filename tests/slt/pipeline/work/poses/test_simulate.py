import numpy as np
import pytest

from skeletor.poses.key_frames import key_frames, only_key_frames, pose_stride
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.pipeline.work.poses.simulate import _simulate
from slt.synthetic.detector.noise import fit_noise
from slt.synthetic.signing.motion import perform
from slt.synthetic.signing.signers import SIGNERS


def test_noise_of_key_frames_is_simulated_on_key_frames() -> None:
    signed = perform(["MORGEN", "REGEN", "NORD", "SONNE"], SIGNERS[0], np.random.default_rng(0)).pose
    truth = PoseSequence(signed.keypoints[..., :2] * 300, signed.confidence, 25.0, SIGNING_50, Provenance())
    key = truth.replace(truth.keypoints[::4], truth.confidence[::4], 25 / 4)
    noise = fit_noise([key], [key.replace(key.keypoints + 2)])
    found = _simulate(noise, truth, np.random.default_rng(1))
    assert pose_stride(found) == 4 and len(found) == len(truth) and found.fps == pytest.approx(25)
    assert np.array_equal(~found.missing.all(1), key_frames(found))
    assert np.array_equal(only_key_frames(found).keypoints, noise.simulate(key, np.random.default_rng(1)).keypoints)
    assert np.isnan(_simulate(noise, key, np.random.default_rng(1)).keypoints).sum() == 0, "as dense as its noise"
