"""Similarities of the plane: what is made by one is found again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skeletor.refiners2d.alignment import Similarity, align, mean_shape, radius

SEEDS = st.integers(0, 10**6)


def similarities(rng: np.random.Generator, count: int, turn: bool = True) -> Similarity:
    angle = rng.uniform(-np.pi, np.pi, (count, 1)) * turn
    return Similarity(rng.uniform(0.2, 50, (count, 1)) * np.exp(1j * angle), rng.normal(size=(count, 2)) @ [[90], [9j]])


@given(SEEDS, st.booleans())
def test_a_similarity_is_found_and_undone(seed: int, turn: bool) -> None:
    rng = np.random.default_rng(seed)
    poses, made = rng.normal(size=(3, 5, 2)), similarities(rng, 3, turn)
    moved = made.apply(poses)
    np.testing.assert_allclose(made.undo(moved), poses, atol=1e-9)
    found = align(poses, moved, rng.uniform(0.1, 1, (3, 5)), rotate=turn)
    np.testing.assert_allclose(found.apply(poses), moved, atol=1e-6)


@given(SEEDS)
def test_the_fit_is_the_least_squares_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, weights = rng.normal(size=(1, 6, 2)), rng.normal(size=(1, 6, 2)), rng.uniform(0.1, 1, (1, 6))
    best = align(a, b, weights)

    def error(place: Similarity) -> float:
        return float((weights[..., None] * (place.apply(a) - b) ** 2).sum())

    for _ in range(5):
        step = rng.normal(size=(1, 2)) @ [[1e-3], [1e-3j]]
        assert error(best) <= error(Similarity(best.factor + step, best.shift)) + 1e-12
        assert error(best) <= error(Similarity(best.factor, best.shift + step)) + 1e-12


def test_a_reflection_is_not_undone_and_a_point_has_no_size() -> None:
    poses = np.random.default_rng(0).normal(size=(1, 6, 2))
    place = align(poses * (-1, 1), poses, np.ones((1, 6)))
    assert np.abs(place.apply(poses * (-1, 1)) - poses).max() > 0.1
    point = align(np.ones((1, 6, 2)), poses, np.ones((1, 6)))
    assert point.factor[0, 0] == 1 and np.isfinite(point.shift).all()


@given(SEEDS, st.booleans())
def test_the_mean_of_one_shape_moved_about_is_that_shape(seed: int, turn: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.normal(size=(1, 7, 2))
    mean, turned = mean_shape(similarities(rng, 12, turn).apply(np.repeat(shape, 12, 0)), rotate=turn)
    np.testing.assert_allclose(radius(mean[None]), 1)
    np.testing.assert_allclose(turned, np.broadcast_to(mean, turned.shape), atol=1e-6)
    place = align(shape, mean[None], np.ones((1, 7)))
    np.testing.assert_allclose(place.apply(shape)[0], mean, atol=1e-6)
