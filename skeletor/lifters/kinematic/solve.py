"""The reference method's objective, minimised properly: L-BFGS with a preconditioner that is diagonal over frequency.

Plain descent has two brakes: its steps shrink with the length of the clip, and slow motions converge thousands of times
slower than fast ones. Both vanish when the Hessian of "reprojection + trajectory" for straight bones is taken as the
first guess of the curvature. That Hessian is diagonal in the discrete cosine transform along time.
L-BFGS: Nocedal and Wright, Numerical Optimization, 2nd edition, algorithms 7.4 and 7.5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.fft import dct, idct

from skeletor.lifters.kinematic.kinematics import BONES, JOINTS, LENGTH_IDS, LENGTHS, incidence
from skeletor.lifters.kinematic.reference import LENGTH_WEIGHT, TRAJECTORY_WEIGHT, Unknowns

_P = incidence().astype(np.float32)  # (50, 49)
_PT = np.ascontiguousarray(_P.T)
_SHARED = np.eye(LENGTHS, dtype=np.float32)[:, LENGTH_IDS]  # (25, 49) sums bones into their length


@dataclass(frozen=True)
class _Problem:
    """Arrays with time last, which makes every operation a long stride of float32.

    target: (50, 2, T). weight: (50, 1, T). The unknowns are one flat vector: bone directions (49, 3, T), root (3, T)
    and log lengths (25,).
    """

    target: np.ndarray
    weight: np.ndarray

    @property
    def frames(self) -> int:
        """T."""
        frames: int = self.target.shape[2]
        return frames

    def split(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Views of a flat vector: (49, 3, T), (3, T), (25,)."""
        size = BONES * 3 * self.frames
        return (
            x[:size].reshape(BONES, 3, self.frames),
            x[size:-LENGTHS].reshape(3, self.frames),
            x[-LENGTHS:],
        )

    def evaluate(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """T x 50 x E, which keeps float32 in its range, and its gradient, a flat vector."""
        directions, root, log_lengths = self.split(x)
        frames, scale = self.frames, float(self.frames * JOINTS)
        pull = TRAJECTORY_WEIGHT * frames / max(frames - 1, 1)
        inverse = 1 / np.sqrt(np.einsum("bct,bct->bt", directions, directions))[:, None]  # (49, 1, T)
        way = directions * inverse  # (49, 3, T)
        lengths = np.exp(log_lengths)
        length = lengths[LENGTH_IDS][:, None, None]  # (49, 1, 1)
        joints = (_P @ (way * length).reshape(BONES, -1)).reshape(JOINTS, 3, frames)
        joints += root
        error = joints[:, :2] - self.target  # (50, 2, T)
        pulled = error * self.weight
        steps = joints[..., 1:] - joints[..., :-1]  # (50, 3, T-1)
        value = float(np.vdot(pulled, error)) + pull * float(np.vdot(steps, steps))
        value += scale * LENGTH_WEIGHT * float(lengths.sum())
        steps *= 2 * pull
        force = np.zeros_like(joints)
        force[..., 1:] = steps
        force[..., :-1] -= steps
        force[:, :2] += 2 * pulled
        gradient = np.empty_like(x)
        for_directions, for_root, for_lengths = self.split(gradient)
        carried = (_PT @ force.reshape(JOINTS, -1)).reshape(BONES, 3, frames)
        along = np.einsum("bct,bct->bt", carried, way)[:, None]  # (49, 1, T)
        np.multiply(carried - along * way, inverse * length, out=for_directions)
        for_root[:] = force.sum(0)
        stretch = along.sum((1, 2)) * length[:, 0, 0]  # (49,)
        for_lengths[:] = _SHARED @ stretch + scale * LENGTH_WEIGHT * lengths
        return value, gradient

    def inverse_curvature(self, lengths: np.ndarray) -> tuple[np.ndarray, float]:
        """(50, 3, T) over frequency for directions and root, and one number per log length."""
        frames = self.frames
        below = _P.sum(0)  # (49,) joints that a bone carries
        mass = np.concatenate([lengths[LENGTH_IDS] ** 2 * below, [JOINTS]]).astype(np.float32)  # (50,)
        rough = TRAJECTORY_WEIGHT * (2 - 2 * np.cos(np.pi * np.arange(frames) / frames)).astype(np.float32)
        stiff = np.array([self.weight.mean()] * 2 + [0.05], np.float32)  # x, y, z
        curvature = 2 * mass[:, None, None] * (stiff[:, None] + rough)  # (50, 3, T)
        return 1 / curvature, float(1 / (2 * self.weight.mean() * frames))


def minimise(begin: Unknowns, target: np.ndarray, iterations: int = 15, memory: int = 6) -> Unknowns:
    """Unknowns with a lower `reference.objective` than `begin` has; target (T, 50, 3) as there.

    Works in float32. Stops early when no step goes down.
    """
    assert target.ndim == 3 and target.shape[1:] == (JOINTS, 3), target.shape
    moved = np.ascontiguousarray(target.transpose(1, 2, 0), np.float32)  # (50, 3, T)
    problem = _Problem(np.ascontiguousarray(moved[:, :2]), np.ascontiguousarray(moved[:, 2:]))
    flat = [begin.directions.transpose(1, 2, 0).ravel(), begin.root.T.ravel(), begin.log_lengths]
    x: np.ndarray = np.concatenate(flat).astype(np.float32)
    spectrum, lengths_step = problem.inverse_curvature(np.exp(begin.log_lengths))

    def precondition(gradient: np.ndarray) -> np.ndarray:
        part = gradient[:-LENGTHS].reshape(JOINTS, 3, -1)
        waves = dct(part, norm="ortho") * spectrum
        return np.concatenate([idct(waves, norm="ortho", overwrite_x=True).ravel(), lengths_step * gradient[-LENGTHS:]])

    past: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=memory)  # (step, change of gradient, 1 / s.y)
    value, gradient = problem.evaluate(x)
    for _ in range(iterations):
        way = _two_loops(gradient, past, precondition)
        slope = float(np.vdot(gradient, way))
        size = 1.0
        for _ in range(8):  # backtrack until the value goes down enough (Armijo)
            new_value, new_gradient = problem.evaluate(x + size * way)
            if new_value <= value + 1e-4 * size * slope:
                break
            size *= 0.4
        else:
            break
        step, change = size * way, new_gradient - gradient
        curvature = float(np.vdot(step, change))
        if curvature > 1e-10:
            past.append((step, change, 1 / curvature))
        x, value, gradient = x + step, new_value, new_gradient
    parts = [np.array(part, np.float64) for part in problem.split(x)]
    return Unknowns(parts[2], parts[1].T.copy(), parts[0].transpose(2, 0, 1).copy())


def _two_loops(
    gradient: np.ndarray,
    past: deque[tuple[np.ndarray, np.ndarray, float]],
    precondition: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Minus the L-BFGS estimate of (inverse Hessian) x gradient."""
    q = gradient.copy()
    shares = []
    for step, change, rho in reversed(past):
        share = rho * float(np.vdot(step, q))
        q -= share * change
        shares.append(share)
    way = precondition(q)
    for (step, change, rho), share in zip(past, reversed(shares), strict=True):
        way += (share - rho * float(np.vdot(change, way))) * step
    return -way
