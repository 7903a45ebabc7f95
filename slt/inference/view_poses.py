"""A video of poses that come without their pictures: raw and refined skeleton side by side on plain paper."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from skeletor.support.listening import said
from slt.inference.view import Window, draw
from slt.video import write_video

_HEIGHT, _LABEL = 480, 26  # of a panel, and of the line above it
_WIDEST = 3.0  # widths of a panel in heights
_PAPER, _INK = 255, (40, 40, 40)
_MARGIN = 0.08
_STRAY = 0.5  # per cent of the points on each side that the window need not hold


def view_poses(poses: Sequence[PoseSequence], labels: Sequence[str], out: Path | str) -> int:
    """Write an mp4 of poses of one clip, one panel each, seen from the front; gives its frame count.

    poses: of equal length, 2D or 3D, all in one unit; depth is dropped. The window is the picture that they were
    estimated from, if they are in its pixels, else one around what is there. Raises InputError if nothing is.
    """
    flat = [pose.replace(pose.keypoints[:, :, :2]) for pose in poses]
    window = _window(flat, out)
    with closing(_frames(flat, labels, window)) as frames:
        return write_video(out, frames, min(poses[0].fps, 240.0))


def _window(poses: Sequence[PoseSequence], out: Path | str) -> Window:
    first = poses[0].provenance
    if first.units == "pixel" and first.image_size is not None:
        width, height = map(float, first.image_size)
        return Window(0, 0, width, height, _size(width, height))
    points = np.concatenate([pose.keypoints.reshape(-1, 2) for pose in poses])
    points = points[np.isfinite(points).all(1)].astype(np.float64)
    if len(points) == 0:
        raise InputError(f"{out}: no joint is there to be drawn; nobody was found in these poses")
    low, high = np.percentile(points, (_STRAY, 100 - _STRAY), axis=0)
    margin = _MARGIN * float((high - low).max()) + 1e-6
    left, top = (low - margin).tolist()
    width, height = (high - low + 2 * margin).tolist()
    if width > _WIDEST * height:  # a flat scene: paper above and below
        top, height = top - (width / _WIDEST - height) / 2, width / _WIDEST
    return Window(left, top, width, height, _size(width, height))


def _size(width: float, height: float) -> tuple[int, int]:
    return max(2, round(min(width / height, _WIDEST) * _HEIGHT)), _HEIGHT


def _frames(poses: Sequence[PoseSequence], labels: Sequence[str], window: Window) -> Generator[np.ndarray]:
    for t in said(range(len(poses[0])), "pictures", len(poses[0])):
        yield np.concatenate([_panel(pose, t, window, text) for pose, text in zip(poses, labels, strict=True)], 1)


def _panel(pose: PoseSequence, t: int, window: Window, text: str) -> np.ndarray:
    head = np.full((_LABEL, window.size[0], 3), _PAPER, np.uint8)
    cv2.putText(head, text, (6, _LABEL - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
    return np.concatenate([head, draw(pose, t, window)])
