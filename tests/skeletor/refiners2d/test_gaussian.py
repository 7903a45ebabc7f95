"""The Gaussian prior: its estimate is the most probable pose, whatever the place, size and turn of the detections."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.refiners2d.gaussian import FREE, GaussianPrior, choose_gaussian, fit_gaussian
from skeletor.support.errors import InputError
from tests.skeletor.refiners2d.parts2d import hands
from tests.skeletor.refiners2d.test_alignment import similarities


@pytest.fixture(name="prior", scope="module")
def _prior() -> GaussianPrior:
    return fit_gaussian(*hands(400, 0))


def error(refined: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(refined - truth, axis=2).mean())


def test_it_is_nearer_to_the_truth_and_believes_sure_joints(prior: GaussianPrior) -> None:
    truth, detected, confidence = hands(200, 1)
    refined = prior.refine(detected, confidence)
    assert error(refined, truth) < 0.6 * error(detected, truth)
    moved = np.linalg.norm(refined - detected, axis=2)
    assert moved[confidence < 0.3].mean() > 2 * moved[confidence > 0.8].mean()


def test_the_noise_is_fitted_to_the_confidence(prior: GaussianPrior) -> None:
    low, high = prior.deviation(np.array([0.1, 0.95]))
    assert low / high == pytest.approx((1.2 - 0.1) / (1.2 - 0.95), rel=0.25)


def test_the_estimate_is_where_the_posterior_is_flat(prior: GaussianPrior) -> None:
    """The gradient of -log p(x) - log p(y | x) is zero there, by the formula and without S (S + V)^-1."""
    _, detected, confidence = hands(3, 2)
    place = prior.place(detected, confidence)
    y = place.apply(detected) - prior.mean
    x = prior.estimate(place.apply(detected), confidence, prior.wide()).reshape(3, -1)
    precision = np.linalg.inv(prior.wide())
    variance = np.repeat(prior.deviation(confidence) ** 2, 2, axis=1)
    np.testing.assert_allclose(x @ precision + (x - y.reshape(3, -1)) / variance, 0, atol=1e-6)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_place_size_and_turn_do_not_matter(seed: int) -> None:
    prior = fit_gaussian(*hands(60, 0), penalty=1.0)
    rng = np.random.default_rng(seed)
    _, detected, confidence = hands(4, seed)
    detected[0, rng.integers(21)] = np.nan
    made = similarities(rng, 4)
    np.testing.assert_allclose(
        prior.refine(made.apply(detected), confidence), made.apply(prior.refine(detected, confidence)), atol=1e-4
    )


def test_missing_joints_are_filled_from_the_others(prior: GaussianPrior) -> None:
    truth, detected, confidence = hands(200, 3)
    detected[:, 4:9], confidence[:, 4:9] = np.nan, 0
    filled = prior.refine(detected, confidence)
    assert np.isfinite(filled).all()
    spread = np.linalg.norm(truth[:, 4:9] - truth[:, :1] - (truth[:, 4:9] - truth[:, :1]).mean(0), axis=2).mean()
    assert error(filled[:, 4:9], truth[:, 4:9]) < 0.7 * spread


def test_with_fewer_than_two_joints_nothing_is_made_up(prior: GaussianPrior) -> None:
    detected = np.full((2, 21, 2), np.nan)
    detected[1, 3] = 7
    np.testing.assert_array_equal(prior.refine(detected, np.zeros((2, 21))), detected)
    assert prior.refine(detected[:0], np.zeros((0, 21))).shape == (0, 21, 2)


def test_what_a_detector_always_gets_wrong_is_corrected() -> None:
    def biased(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        truth, detected, confidence = hands(count, seed, noise=2.0)
        detected[:, 5] += 0.4 * (detected[:, 9] - detected[:, 5])
        return truth, detected, confidence

    truth, detected, confidence = biased(1, 100)
    errors = [
        error(fit_gaussian(*biased(0, 400), penalty=penalty).refine(detected, confidence)[:, [5]], truth[:, [5]])
        for penalty in (None, 1e-4)
    ]
    assert errors[1] < 0.5 * errors[0]


def test_what_is_best_on_held_out_folds_is_chosen() -> None:
    data = hands(300, 4)
    scale, penalty, least = choose_gaussian(*data, np.arange(300) % 3, scales=(1.0, 0.01), penalties=(None,))
    assert (scale, penalty) == (1.0, None) and 0 < least < error(data[1], data[0])


def test_a_body_is_not_turned(prior: GaussianPrior) -> None:
    truth, detected, confidence = hands(300, 5)
    upright = fit_gaussian(truth, detected, confidence, rotate=False)
    turned = 1j * np.ones((300, 1))
    lying = similarities(np.random.default_rng(0), 300)
    lying = replace(lying, factor=turned, shift=turned * 0)
    moved = upright.refine(lying.apply(detected), confidence)
    assert np.abs(moved - lying.apply(upright.refine(detected, confidence))).max() > 1
    assert np.linalg.matrix_rank(upright.wide() - upright.covariance, tol=FREE / 2) == 3


def test_too_little_data_is_refused() -> None:
    with pytest.raises(InputError, match="41 whole true poses"):
        fit_gaussian(*hands(41, 0))
    truth, detected, confidence = hands(60, 0)
    with pytest.raises(InputError, match="no joint"):
        fit_gaussian(truth, detected * np.nan, confidence * 0)
