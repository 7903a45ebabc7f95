"""The quick minimiser of the reference method's objective."""

import numpy as np

from skeletor.lifters.kinematic import reference, solve
from skeletor.lifters.kinematic.kinematics import LENGTHS, PROPORTIONS


def problem(frames: int) -> tuple[reference.Unknowns, np.ndarray]:
    rng = np.random.default_rng(frames)
    directions = rng.normal(size=(1, 49, 3)) + 0.3 * rng.normal(size=(frames, 49, 3)).cumsum(0)
    truth = reference.Unknowns(np.log(PROPORTIONS), rng.normal(0, 0.01, (frames, 3)), directions)
    target = reference.forward(truth) + rng.normal(0, 0.02, (frames, 50, 3))
    target[..., 2] = rng.uniform(0, 1, (frames, 50))
    root = np.concatenate([target[:, 0, :2], rng.uniform(-0.001, 0.001, (frames, 1))], 1)
    return reference.start(target, reference.median_lengths(target), root), target


def test_gradient_is_that_of_the_objective() -> None:
    begin, target = problem(5)
    moved = target.transpose(1, 2, 0)
    inner = solve._Problem(moved[:, :2].copy(), moved[:, 2:].copy())
    rng = np.random.default_rng(0)
    x = np.concatenate([begin.directions.transpose(1, 2, 0).ravel(), begin.root.T.ravel(), begin.log_lengths])
    x += rng.normal(0, 0.1, x.shape)
    value, gradient = inner.evaluate(x)
    directions, root, log_lengths = inner.split(x)
    same = reference.Unknowns(log_lengths, root.T, directions.transpose(2, 0, 1))
    np.testing.assert_allclose(value / (5 * 50), reference.objective(same, target).total, rtol=1e-5)
    for _ in range(5):
        way = rng.normal(size=x.shape)
        ahead, _ = inner.evaluate(x + 1e-5 * way)
        back, _ = inner.evaluate(x - 1e-5 * way)
        np.testing.assert_allclose((ahead - back) / 2e-5, gradient @ way, rtol=1e-3)


def test_few_iterations_beat_a_thousand_steps_of_descent() -> None:
    for frames in (20, 60):
        begin, target = problem(frames)
        slow = reference.objective(reference.descend(begin, target), target).total
        quick = reference.objective(solve.minimise(begin, target, iterations=15), target).total
        assert quick < slow < reference.objective(begin, target).total


def test_never_worse_than_the_start_and_short_clips_work() -> None:
    for frames in (1, 2, 3):
        begin, target = problem(frames)
        end = solve.minimise(begin, target, iterations=10)
        assert end.log_lengths.shape == (LENGTHS,)
        assert reference.objective(end, target).total <= reference.objective(begin, target).total + 1e-6
