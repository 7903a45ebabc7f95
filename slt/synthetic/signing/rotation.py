"""Quaternions (w, x, y, z) and rotation matrices, vectorised over leading axes."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product over the last axis of vectors (..., 3); several times faster than NumPy's on small arrays."""
    product: np.ndarray = a[..., [1, 2, 0]] * b[..., [2, 0, 1]] - a[..., [2, 0, 1]] * b[..., [1, 2, 0]]
    return product


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Product of quaternions (..., 4): the rotation b, then a."""
    w = a[..., :1] * b[..., :1] - (a[..., 1:] * b[..., 1:]).sum(-1, keepdims=True)
    v = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + cross(a[..., 1:], b[..., 1:])
    return np.concatenate([w, v], -1)


def from_vector(vector: np.ndarray) -> np.ndarray:
    """(..., 4) quaternions of rotation vectors (..., 3), axis times angle in radians."""
    half = 0.5 * np.sqrt((vector * vector).sum(-1, keepdims=True))
    scale = 0.5 * np.sin(half) / np.maximum(half, 1e-12)
    return np.concatenate([np.cos(half), np.where(half < 1e-9, 0.5, scale) * vector], -1)


def from_directions(fingers: np.ndarray, palm: np.ndarray) -> np.ndarray:
    """(4,) quaternion of the rotation that takes y to `fingers` and z to `palm` (made orthogonal to it)."""
    y = fingers / np.linalg.norm(fingers)
    z = palm - (palm @ y) * y
    z /= np.linalg.norm(z)
    last: np.ndarray = Rotation.from_matrix(np.stack([np.cross(y, z), y, z], 1)).as_quat()  # x, y, z, w
    quaternion: np.ndarray = last[[3, 0, 1, 2]]
    return quaternion


def to_matrix(q: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotation matrices of quaternions (..., 4). A row vector times the matrix is rotated.

    The rows are the images of the three axes.
    """
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    out = np.empty((*q.shape[:-1], 3, 3))
    out[..., 0, 0], out[..., 1, 1], out[..., 2, 2] = (1 - 2 * (a * a + b * b) for a, b in ((y, z), (x, z), (x, y)))
    out[..., 0, 1], out[..., 1, 0] = 2 * (x * y + w * z), 2 * (x * y - w * z)
    out[..., 0, 2], out[..., 2, 0] = 2 * (x * z - w * y), 2 * (x * z + w * y)
    out[..., 1, 2], out[..., 2, 1] = 2 * (y * z + w * x), 2 * (y * z - w * x)
    return out


def small_angles(about_x: np.ndarray, about_y: np.ndarray, about_z: np.ndarray) -> np.ndarray:
    """(T, 3, 3) rotations of column vectors by small angles (T,) in radians about x, y and z together."""
    return to_matrix(from_vector(np.stack([about_x, about_y, about_z], -1))).swapaxes(-1, -2)
