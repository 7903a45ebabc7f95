"""The noise model on a synthetic detector whose rates and scales are known."""

import time

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.support.errors import InputError
from slt.synthetic.detector.noise import DetectorNoise, compare, fit_noise
from slt.synthetic.detector.noise_events import FROZEN, JOINTS, MISSING, SWAPPED, events

WIDTH = 60.0  # pixels between the shoulders
LEFT, RIGHT = JOINTS["left_hand"], JOINTS["right_hand"]
SCALE, DECAY = 0.03, 0.6  # of the hands' jitter, shoulder widths
BIAS = np.array([0.02, -0.05])
LOST_SLOW, LOST_FAST, LAST = 0.01, 0.12, 4.0  # chance to lose a hand a frame by speed; mean frames it stays lost


def truth(rng: np.random.Generator, frames: int = 150) -> PoseSequence:
    """Someone waving both hands about: 50 joints in pixels."""
    body = np.array([[0, -0.7], [0, 0], [-0.5, 0.05], [-0.6, 0.9], [-0.3, 0.9], [0.5, 0.05], [0.6, 0.9], [0.3, 0.9]])
    points = np.zeros((frames, 50, 2))
    points[:, :8] = body
    for side, joints, wrist in ((1, LEFT, 7), (-1, RIGHT, 4)):
        # a gait of pauses and quick moves
        way = gaussian_filter1d(rng.normal(size=(frames + 40, 2)), 6, axis=0)[20:-20] * 1.2
        pace = np.cumsum(rng.choice([0.1, 1.9], frames, p=[0.5, 0.5]).repeat(15)[:frames])
        way = np.stack([np.interp(pace, np.arange(frames), way[:, k]) for k in range(2)], 1)
        centre = way + [0.45 * side, 0.5]
        turn = gaussian_filter1d(rng.normal(size=frames + 40), 8)[20:-20, None] * 3
        fingers = np.concatenate([[[0, 0]], [[0.1 * (f - 2), -0.12 * k] for f in range(5) for k in range(1, 5)]]) * 0.6
        cos, sin = np.cos(turn), np.sin(turn)
        x, y = fingers[:, 0] * side, fingers[:, 1]
        points[:, joints] = centre[:, None] + np.stack([x * cos - y * sin, x * sin + y * cos], 2)
        points[:, wrist] = points[:, joints[0]]
    pixels = points * WIDTH + [130, 80]
    return PoseSequence(pixels, np.ones((frames, 50)), 25.0, SIGNING_50, Provenance("clip", units="pixel"))


def chain(rng: np.random.Generator, enter: np.ndarray, stay: float) -> np.ndarray:
    """(T,) bool: a two-state Markov chain, entered with chance `enter[t]`, left after `stay` frames on average."""
    flags = np.zeros(len(enter), bool)
    draws = rng.random(len(enter))
    for t in range(1, len(enter)):
        flags[t] = draws[t] > 1 / stay if flags[t - 1] else draws[t] < enter[t]
    return flags


def detect(clean: PoseSequence, rng: np.random.Generator) -> PoseSequence:
    """A detector with known faults."""
    frames = len(clean)
    points = clean.keypoints.astype(float).copy()
    confidence = np.full((frames, 50), 0.95)
    for joints, other in ((LEFT, RIGHT), (RIGHT, LEFT)):
        centre = clean.keypoints[:, joints].mean(1) / WIDTH
        speed = np.linalg.norm(np.gradient(centre, axis=0), axis=1) * 25
        fast = speed > 1.5
        shock = rng.standard_t(4, size=(frames, 21, 2)) * SCALE / np.sqrt(2) * np.sqrt(1 - DECAY**2)
        jitter = np.zeros_like(shock)
        for t in range(frames):
            jitter[t] = DECAY * jitter[max(t - 1, 0)] + shock[t]
        swapped = chain(rng, np.full(frames, 0.01), 6)
        base = np.where(swapped[:, None, None], clean.keypoints[:, other], clean.keypoints[:, joints])
        points[:, joints] = base + (jitter * (1 + fast)[:, None, None] + BIAS) * WIDTH
        confidence[:, joints] = (0.9 - 0.3 * fast + rng.uniform(-0.05, 0.05, frames))[:, None]
        lost = chain(rng, np.where(fast, LOST_FAST, LOST_SLOW), LAST)
        points[lost[:, None] & np.isin(np.arange(50), joints)] = np.nan
    points[:, :8] += rng.normal(size=(frames, 8, 2)) * 0.02 * WIDTH
    nobody = chain(rng, np.full(frames, 0.004), 5)
    points[nobody] = np.nan
    frozen = chain(rng, np.full(frames, 0.005), 3)
    for t in np.flatnonzero(frozen):
        points[t], confidence[t] = points[t - 1], confidence[t - 1]
    confidence[np.isnan(points[..., 0])] = 0
    provenance = Provenance("clip", estimator="synthetic", units="pixel")
    return PoseSequence(points, confidence, 25.0, SIGNING_50, provenance)


def pairs(seed: int, clips: int) -> list[tuple[PoseSequence, PoseSequence]]:
    rng = np.random.default_rng(seed)
    clean = [truth(rng) for _ in range(clips)]
    return [(pose, detect(pose, rng)) for pose in clean]


@pytest.fixture(scope="module")
def noise() -> DetectorNoise:
    return fit_noise(*zip(*pairs(0, 60), strict=True))


@pytest.fixture(scope="module")
def comparison(noise):
    """Simulated against really detected, on clips that the model was not fitted to."""
    real = pairs(1, 60)
    rng = np.random.default_rng(2)
    return compare(real, [(clean, noise.simulate(clean, rng)) for clean, _ in real])


def test_events_find_what_the_detector_did():
    rng = np.random.default_rng(3)
    clean = truth(rng, 40)
    clean.keypoints[:, RIGHT] += [-3 * WIDTH, 0]  # far from the left hand, so that a swap can be told
    points, confidence = clean.keypoints.copy(), np.ones((40, 50), np.float32)
    points[5:9, LEFT], confidence[5:9, LEFT] = np.nan, 0
    points[12:15, LEFT] = clean.keypoints[12:15, RIGHT] + 2
    points[20:23, :8] = points[19, :8] + 1
    found = events(clean, PoseSequence(points, confidence, 25.0, SIGNING_50))
    assert np.flatnonzero(found["left_hand"].state == MISSING).tolist() == [5, 6, 7, 8]
    assert np.flatnonzero(found["left_hand"].state == SWAPPED).tolist() == [12, 13, 14]
    np.testing.assert_allclose(found["left_hand"].residual[12:15], 2 / WIDTH, atol=1e-4)
    assert (found["right_hand"].state[1:] != MISSING).all()
    assert set(np.flatnonzero(found["body"].state == FROZEN)) >= {21, 22}


@pytest.mark.parametrize("hand", ["left_hand", "right_hand"])
def test_rates_and_runs_are_recovered(comparison, hand):
    # 60 clips hold about 300 lost runs and 80 swapped ones a hand: their rates are known to about 10 and 20 %
    for name, tolerance in ((f"{hand} missing", 0.25), (f"{hand} swapped", 0.6), (f"{hand} missing run mean", 0.25)):
        real, simulated = comparison[name]
        assert simulated == pytest.approx(real, rel=tolerance), name
    slow, fast = (comparison[f"{hand} missing, {pace}"][1] for pace in ("slow", "fast"))
    assert fast > 2 * slow  # as in the detector: most hands are lost while they move


@pytest.mark.parametrize("hand", ["left_hand", "right_hand"])
def test_errors_keep_their_scale_bias_and_pace(comparison, hand):
    for quantity in ("error", "change"):
        for q in (50, 75, 90, 95):
            real, simulated = comparison[f"{hand} {quantity} q{q}"]
            assert simulated == pytest.approx(real, rel=0.12), (quantity, q)
    for axis, bias in zip("xy", BIAS, strict=True):
        assert comparison[f"{hand} bias {axis}"][1] == pytest.approx(bias, abs=0.005)


@pytest.mark.parametrize("hand", ["left_hand", "right_hand"])
def test_confidence_goes_with_speed_and_error(comparison, hand):
    for other in ("speed", "error"):
        real, simulated = comparison[f"{hand} confidence~{other}"]
        assert real < -0.3 and simulated == pytest.approx(real, abs=0.15)
    assert comparison[f"{hand} confidence q50"][1] == pytest.approx(0.9, abs=0.03)


def test_decay_of_the_jitter_is_recovered(noise):
    for hand in ("left_hand", "right_hand"):
        assert noise.banks[hand].decay == pytest.approx(DECAY, abs=0.08)
    assert noise.banks["body"].decay == pytest.approx(0, abs=0.08)


def test_a_perfect_detector_gives_the_truth_back():
    rng = np.random.default_rng(4)
    clean = [truth(rng, 60) for _ in range(4)]
    perfect = fit_noise(clean, clean)
    new = truth(rng, 45)
    np.testing.assert_allclose(perfect.simulate(new, rng).keypoints, new.keypoints, atol=1e-3)


def test_a_detector_that_lags_behind():
    """What was detected is made of this and the last frame: that is found, and done to the new truth."""

    def lagging(pose: PoseSequence) -> PoseSequence:
        before = pose.keypoints[np.maximum(np.arange(len(pose)) - 1, 0)]
        return pose.replace(0.7 * pose.keypoints + 0.3 * before)

    rng = np.random.default_rng(17)
    clean = [truth(rng, 80) for _ in range(4)]
    noise = fit_noise(clean, [lagging(pose) for pose in clean])
    for hand in ("left_hand", "right_hand"):
        np.testing.assert_allclose(noise.banks[hand].lag, [0.3, 0, 0], atol=0.02)
    new = truth(rng, 60)
    simulated = noise.simulate(new, rng).keypoints
    assert np.abs(simulated - lagging(new).keypoints).max() < 0.02 * WIDTH
    assert np.abs(simulated - new.keypoints).max() > 0.04 * WIDTH


def test_simulation_is_a_detection_of_that_truth(noise):
    clean = truth(np.random.default_rng(5), 77)
    pose = noise.simulate(clean, np.random.default_rng(6))
    assert pose.keypoints.shape == clean.keypoints.shape and pose.fps == clean.fps
    assert (pose.confidence[pose.missing] == 0).all()
    found = pose.confidence[:, LEFT].any(1)
    assert np.ptp(pose.confidence[found][:, LEFT], axis=1).max() < 1e-6  # a found hand has one confidence
    assert pose.provenance.stage("noise").config["detector"] == "synthetic"
    again = noise.simulate(clean, np.random.default_rng(6))
    np.testing.assert_array_equal(pose.keypoints, again.keypoints)
    other = noise.simulate(clean, np.random.default_rng(7))
    assert not np.array_equal(pose.keypoints, other.keypoints, equal_nan=True)


def test_size_of_the_picture_does_not_matter(noise):
    clean = truth(np.random.default_rng(8), 50)
    small = noise.simulate(clean, np.random.default_rng(9))
    large = noise.simulate(clean.replace(clean.keypoints * 4), np.random.default_rng(9))
    np.testing.assert_allclose(large.keypoints, small.keypoints * 4, rtol=1e-3, atol=0.5)


def test_truth_that_leaves_the_picture_is_never_found(noise):
    clean = truth(np.random.default_rng(10), 30)
    points = clean.keypoints.copy()
    points[10:, RIGHT] = np.nan
    confidence = clean.confidence.copy()
    confidence[10:, RIGHT] = 0
    pose = noise.simulate(clean.replace(points, confidence), np.random.default_rng(11))
    assert pose.missing[10:][:, RIGHT].all()


@pytest.mark.parametrize("frames", [1, 2, 7, 9])
def test_short_clips(noise, frames):
    assert (
        len(noise.simulate(truth(np.random.default_rng(12), 20).frames(0, frames), np.random.default_rng(0))) == frames
    )


def test_save_and_load(noise, tmp_path):
    noise.save(tmp_path / "noise.safetensors")
    loaded = DetectorNoise.load(tmp_path / "noise.safetensors")
    clean = truth(np.random.default_rng(13), 50)
    ours, theirs = (model.simulate(clean, np.random.default_rng(14)) for model in (noise, loaded))
    np.testing.assert_array_equal(ours.keypoints, theirs.keypoints)
    content = (tmp_path / "noise.safetensors").read_bytes()
    for damaged in (content[: len(content) // 2], b"{}", b""):
        (tmp_path / "bad.safetensors").write_bytes(damaged)
        with pytest.raises(InputError, match=r"bad\.safetensors"):
            DetectorNoise.load(tmp_path / "bad.safetensors")
    with pytest.raises(InputError, match="no such file"):
        DetectorNoise.load(tmp_path / "none.safetensors")


def test_bad_arguments_are_refused(noise):
    clean = truth(np.random.default_rng(15), 20)
    with pytest.raises(InputError, match="as many of both"):
        fit_noise([clean], [])
    with pytest.raises(InputError, match="frames detected"):
        fit_noise([clean], [clean.frames(0, 15)])
    with pytest.raises(InputError, match="longer than"):
        fit_noise([clean.frames(0, 5)], [clean.frames(0, 5)])
    with pytest.raises(InputError, match="one rate"):
        fit_noise([clean], [clean.replace(fps=30.0)])
    with pytest.raises(InputError, match="resample"):
        noise.simulate(clean.replace(fps=50.0), np.random.default_rng(0))
    with pytest.raises(InputError, match="signing_50"):
        noise.simulate(clean.to_skeleton(BODY25_HANDS), np.random.default_rng(0))


def test_simulation_is_fast(noise):
    """20,000 frames a second on a free core are about 100 additions of small arrays a frame; measured against those,
    because tests run on busy machines."""
    clean = truth(np.random.default_rng(16), 600)
    small = np.arange(150.0)
    noise.simulate(clean, np.random.default_rng(0))  # builds the search trees
    start = time.process_time()
    for _ in range(10_000):
        small + small
    addition = (time.process_time() - start) / 10_000
    start = time.process_time()
    noise.simulate(clean, np.random.default_rng(0))
    assert (time.process_time() - start) / 600 < 300 * addition
