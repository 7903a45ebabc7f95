import numpy as np

from skeletor.lifters.kinematic.side_by_side import Layout, marginals


def brute_force(cost: np.ndarray, jump: np.ndarray) -> np.ndarray:
    """(T, S) marginals of one chain by going through all paths."""
    frames, states = cost.shape
    result = np.zeros((frames, states))
    for code in range(states**frames):
        path = [(code // states**t) % states for t in range(frames)]
        energy = sum(cost[t, s] for t, s in enumerate(path))
        energy += sum(jump[t, path[t - 1], path[t]] for t in range(1, frames))
        result[np.arange(frames), path] += np.exp(-0.5 * energy)
    return result / result.sum(1, keepdims=True)


def test_marginals_equal_enumeration_and_stay_within_clips() -> None:
    rng = np.random.default_rng(0)
    layout = Layout((4, 1, 6, 3))
    cost, jump = rng.uniform(0, 4, (14, 2, 3)), rng.uniform(0, 4, (14, 2, 3, 3))
    ours = marginals(cost, jump, layout)
    fixed = marginals(cost, jump[0, 0], layout)
    everywhere = np.broadcast_to(jump[0, 0], (14, 3, 3))
    for part in layout.slices:
        for chain in range(2):
            np.testing.assert_allclose(ours[part, chain], brute_force(cost[part, chain], jump[part, chain]), atol=1e-9)
            np.testing.assert_allclose(fixed[part, chain], brute_force(cost[part, chain], everywhere[part]), atol=1e-9)


def test_an_impossible_step_does_not_end_the_chain() -> None:
    cost = np.zeros((4, 1, 2), np.float32)
    cost[:2, 0, 0], cost[2:, 0, 1] = 1e4, 1e4
    belief = marginals(cost, np.array([[0.0, 1e6], [1e6, 0.0]], np.float32), Layout((4,)))
    np.testing.assert_allclose(belief.sum(2), 1, atol=1e-5)


def test_smoothing_keeps_constants_and_clips_apart() -> None:
    layout = Layout((5, 3))
    values = np.repeat([1.0, 9.0], (5, 3))[:, None, None]
    np.testing.assert_allclose(layout.smooth(values, np.ones((8, 1)), 2.0), values, rtol=1e-6)
    assert layout.neighbour(-1).tolist() == [0, 0, 1, 2, 3, 5, 5, 6]
