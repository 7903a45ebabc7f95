"""PORT's training and use: it learns, what is chosen is the best, and only what is unsure is replaced."""

from typing import Any

import numpy as np
import pytest
import torch

from skeletor.refiners2d.gaussian import fit_gaussian
from skeletor.refiners2d.port.config import PortConfig
from skeletor.refiners2d.port.model import PortModel, build_port, choose_port, picture_frame
from skeletor.refiners2d.port.training import train_port
from skeletor.support.errors import InputError
from tests.skeletor.refiners2d.parts2d import BONES, hands


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def small(**changes: Any) -> PortConfig:
    values = {"width": 16, "inner": 16, "heads": 2, "layers": 1, "steps": 150, "batch": 32, "dropout": 0.0}
    return PortConfig.model_validate({**values, **changes})


def error(refined: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(refined - truth, axis=2).mean())


def test_masked_joints_are_learned_from_the_others() -> None:
    train, (truth, _, confidence) = hands(400, 0), hands(100, 1)
    prior = fit_gaussian(*train)
    net = train_port(*train, BONES, small(learn="masked", learning_rate=5e-3), 0, prior)
    broken = np.where(confidence[..., None] < 0.2, 0, truth)
    model = PortModel(net, prior, "masked", threshold=0.2)
    refined = model.refine(broken, confidence)
    unsure = confidence < 0.2
    np.testing.assert_array_equal(refined[~unsure], truth[~unsure])
    spread = np.linalg.norm((truth - truth.mean(1, keepdims=True)).std(0), axis=1).mean()
    assert np.linalg.norm(refined - truth, axis=2)[unsure].mean() < spread


def test_an_untrained_correction_is_the_gaussians_estimate() -> None:
    train, (_, detected, confidence) = hands(200, 0), hands(20, 1)
    detected[3, 4], confidence[3, 4] = np.nan, 0
    prior = fit_gaussian(*train)
    model = PortModel(build_port(small(), 21, BONES).eval(), prior, "errors")
    np.testing.assert_allclose(model.refine(detected, confidence), prior.refine(detected, confidence), atol=1e-8)


def test_a_seed_gives_the_same_weights_and_a_trained_correction_helps() -> None:
    def bent(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        truth, detected, confidence = hands(count, seed, noise=2.0)
        detected[:, 8] += 20  # always
        return truth, detected, confidence

    train, test = bent(400, 0), bent(100, 1)
    prior = fit_gaussian(*train)
    nets = [train_port(*train, BONES, small(learning_rate=5e-3), 3, prior) for _ in range(2)]
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    model, least = choose_port(PortModel(nets[0], prior, "errors"), *test)
    assert model.share > 0
    assert least < error(prior.refine(test[1], test[2]), test[0])


def test_the_threshold_is_the_best_on_what_is_held_out() -> None:
    train, (truth, _, confidence) = hands(200, 0), hands(60, 1)
    prior = fit_gaussian(*train)
    net = train_port(*train, BONES, small(learn="masked", steps=30), 0, prior)
    assert choose_port(PortModel(net, prior, "masked"), truth, truth, confidence)[0].threshold == 0
    far = truth + np.where(confidence[..., None] < 0.25, 1e4, 0)
    assert choose_port(PortModel(net, prior, "masked"), truth, far, confidence)[0].threshold == 0.25


def test_the_papers_frame_puts_the_root_at_0_and_the_middle_finger_on_x() -> None:
    points = hands(5, 0)[0]
    place = picture_frame(points)
    seen = place.apply(points)
    np.testing.assert_allclose(seen[:, 0], 0, atol=1e-9)
    np.testing.assert_allclose(seen[:, 9, 1], 0, atol=1e-9)
    assert (seen[:, 9, 0] > 0).all()
    truth, detected, confidence = hands(100, 0)
    size = np.full((100, 2), (640.0, 480.0))
    net = train_port(truth, detected, confidence, BONES, small(learn="masked", steps=2), 0, size=size)
    refined = PortModel(net, None, "masked", 0.3).refine(detected, confidence, size)
    np.testing.assert_array_equal(refined[confidence >= 0.3], detected[confidence >= 0.3])
    assert np.isfinite(refined).all()


def test_what_cannot_be_trained_is_refused() -> None:
    data = hands(60, 0)
    with pytest.raises(InputError, match="needs a prior"):
        train_port(*data, BONES, small(), 0)
    with pytest.raises(InputError, match="no whole pose"):
        train_port(data[0] * np.nan, *data[1:], BONES, small(), 0, fit_gaussian(*data))
    with pytest.raises(InputError, match="port: powers"):
        build_port(small(powers=[1, 1]), 21, BONES)
