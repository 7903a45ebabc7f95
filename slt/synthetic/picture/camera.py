"""A pinhole camera in front of the signer, with a mild perspective and a slight tilt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from slt.synthetic.picture.quality import Quality

NOSE, NECK = 0, 1
ABOVE_NOSE = 0.19  # metres from the tip of the nose to the top of the hair
BELOW_NECK = 0.42  # metres from the neck to the belly
BESIDE_SHOULDER = 0.10  # metres from a shoulder joint to the outside of the sleeve, with some air


@dataclass(frozen=True)
class Camera:
    """Where the camera stands and what it sees.

    width, height: picture in pixels. scale: pixels per metre at the target. distance: metres from the
    camera to the target. yaw, pitch, roll: radians, turn the scene about the vertical, the horizontal and
    the optical axis. target: metres, the point of the world that the camera looks at. centre: where that
    point lies in the picture, in pixels.

    Pixel coordinates are continuous: 0 is the left (upper) edge of the picture, `width` (`height`) the
    other edge, so the centre of the first pixel is 0.5.
    """

    width: int
    height: int
    scale: float
    distance: float
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    centre: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1 or self.scale <= 0 or self.distance <= 0:
            raise InputError("camera: width, height, scale and distance must be above 0")

    @cached_property
    def rotation(self) -> np.ndarray:
        """(3, 3) matrix from world axes to camera axes."""
        cy, sy = np.cos(self.yaw), np.sin(self.yaw)
        cp, sp = np.cos(self.pitch), np.sin(self.pitch)
        cr, sr = np.cos(self.roll), np.sin(self.roll)
        yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        rotation: np.ndarray = roll @ pitch @ yaw
        return rotation

    def view(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) in metres, in camera axes with the target as origin: (..., 3) metres.

        x to the right of the picture, y down, z towards the camera.
        """
        viewed: np.ndarray = (np.asarray(points, np.float64) - self.target) @ self.rotation.T
        return viewed

    def magnification(self, viewed: np.ndarray) -> np.ndarray:
        """Pixels per metre at viewed points (..., 3): (...). Points at the lens are kept 5 cm before it."""
        return self.scale * self.distance / np.maximum(self.distance - viewed[..., 2], 0.05)

    def flatten(self, viewed: np.ndarray) -> np.ndarray:
        """Viewed points (..., 3) in metres to pixels (..., 2)."""
        pixels: np.ndarray = viewed[..., :2] * self.magnification(viewed)[..., None] + self.centre
        return pixels

    def project(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) in metres to pixels (..., 2)."""
        return self.flatten(self.view(points))


def random_camera(quality: Quality, rng: np.random.Generator, pose: PoseSequence) -> Camera:
    """A camera that frames head, hands and belly of `pose`, a little different each time.

    pose: (T, 50, 3) in metres; the frame is fitted to all its frames, so give one that moves as the
    clip will. Draws 8 numbers from `rng`. Raises InputError if the pose is not in 3D or is empty.
    """
    if pose.dims != 3 or len(pose) == 0:
        raise InputError("camera: a reference pose in 3D with at least one frame is needed")
    yaw, roll = rng.uniform(-1, 1, 2) * np.radians([8, 2])
    pitch = np.radians(rng.uniform(-5, 3))
    distance = rng.uniform(1.8, 4.5)
    margin = rng.uniform(0.02, 0.08)
    shift = rng.uniform(-0.03, 0.03, 2)
    slack = rng.uniform(1.0, 1.12)
    points = _framed_points(pose)
    target = tuple(float(v) for v in (points.min(0) + points.max(0)) / 2)
    assert len(target) == 3
    size = np.array([quality.width, quality.height], float)
    unit = Camera(quality.width, quality.height, 1.0, distance, yaw, pitch, roll, target)
    flat = unit.project(points)
    low, high = flat.min(0), flat.max(0)
    scale = float(((1 - 2 * margin) * size / (high - low)).min() / slack)
    centre = size / 2 - (low + high) / 2 * scale + shift * size
    return Camera(
        quality.width,
        quality.height,
        scale,
        distance,
        yaw,
        pitch,
        roll,
        target,
        (float(centre[0]), float(centre[1])),
    )


def _framed_points(pose: PoseSequence) -> np.ndarray:
    """(N, 3) points that must be in the picture: all joints, the hair, the belly, the sleeves."""
    joints = pose.keypoints[~pose.missing].astype(float)  # (N, 3)
    body = np.nanmedian(pose.keypoints[:, :8].astype(float), 0)  # (8, 3)
    extra = [
        body[NOSE] - [0, ABOVE_NOSE, 0],
        body[NECK] + [0, BELOW_NECK, 0],
        body[2] - [BESIDE_SHOULDER, 0, 0],
        body[5] + [BESIDE_SHOULDER, 0, 0],
    ]
    low, high = np.percentile(joints, [1, 99], 0)
    return np.concatenate([np.clip(joints, low, high), extra])
