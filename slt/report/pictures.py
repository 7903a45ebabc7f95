"""A few frames of a clip: small pictures of the video, and its skeleton beside each."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from skeletor.poses.normalise import STAGE as NORMALISE
from skeletor.poses.pose import PoseSequence
from skeletor.poses.seen import SURE
from skeletor.poses.skeleton import SIGNING_50
from slt.inference.view import to_picture
from slt.report.markup import Markup, number, tag
from slt.video import Span, open_video

FRAMES = 4  # of each clip
_AREA = 30_000  # pixels of a picture
_QUALITY = 72
_COLOURS = {"body": "#5a5a5a", "left_hand": "#0072b2", "right_hand": "#d55e00"}  # as in the viewer
_FAR = 3.0  # sizes of the window beyond which nothing is drawn
Window = tuple[float, float, float, float]  # left, top, width, height


def chosen(frames: int) -> list[int]:
    """Which frames of a clip are shown: spread evenly, neither the first nor the last; fewer of a very short one."""
    places = np.linspace(0, frames - 1, FRAMES + 2).round().astype(int)[1:-1]
    return sorted(set(places.tolist())) if frames > 0 else []


def pictures(video: Path, seconds: Sequence[float], span: Span | None, fps: float) -> list[Markup]:
    """The pictures of a video at some times, in order. fps: of a folder of frames. InputError if it cannot be read."""
    with open_video(video, fps if video.is_dir() else None, span) as source:
        places = [min(round(s * source.fps), source.frame_count - 1) for s in seconds]
        found = {}
        for k, frame in enumerate(source):
            if k in places:
                found[k] = _jpeg(frame)
            if k >= max(places):
                break
    return [_image(found[k]) for k in places if k in found]


def _jpeg(frame: np.ndarray) -> bytes:
    """A small JPEG of a picture (H, W, 3) RGB."""
    height, width = frame.shape[:2]
    scale = min(1.0, (_AREA / (height * width)) ** 0.5)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert ok  # JPEG takes every picture of 8 bits
    encoded: bytes = data.tobytes()
    return encoded


def _image(data: bytes) -> Markup:
    address = f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
    return tag("img", {"src": address, "alt": ""})


def skeletons(before: PoseSequence, after: PoseSequence, frames: Sequence[int]) -> list[Markup]:
    """Drawings of some frames: the pose (T, 50, 3) before repair in pale grey, after it in colours, in one window.

    Where the pixels of the video are known the window is its picture, so that both can be compared by eye.
    """
    if not all(p.provenance.stage(NORMALISE) or p.provenance.units == "pixel" for p in (before, after)):
        points = [p.keypoints[list(frames), :, :2].astype(np.float64) for p in (before, after)]
        window = _around(np.concatenate(points))
    else:
        points = [to_picture(p).keypoints[list(frames)].astype(np.float64) for p in (before, after)]
        size = after.provenance.image_size
        window = (0.0, 0.0, float(size[0]), float(size[1])) if size else _around(np.concatenate(points))
    return [_drawing(points[0][k], points[1][k], after.confidence[t] >= SURE, window) for k, t in enumerate(frames)]


def _around(points: np.ndarray) -> Window:
    flat = points.reshape(-1, 2)
    flat = flat[np.isfinite(flat).all(1)]
    if len(flat) == 0:
        return 0.0, 0.0, 1.0, 1.0
    low, high = flat.min(0), flat.max(0)
    margin = 0.06 * float((high - low).max()) + 1e-3
    (left, top), (width, height) = (low - margin).tolist(), (high - low + 2 * margin).tolist()
    return left, top, width, height


def _drawing(before: np.ndarray, after: np.ndarray, sure: np.ndarray, window: Window) -> Markup:
    """before, after: (50, 2). sure: (50,) bool, seen by the estimator. Coordinates are scaled to 200 a height."""
    left, top, width, height = window
    scale = 200.0 / height
    old, new = ((p - (left, top)) * scale for p in (before, after))
    far = _FAR * max(width, height) * scale
    parts: list[Markup] = [_bones(old, far, range(50), {"stroke": "#c3c9cf", "stroke-width": 1.6})]
    for group, members in SIGNING_50.groups:
        style = {"stroke": _COLOURS[group], "stroke-width": 3 if group == "body" else 1.6}
        parts.append(_bones(new, far, members, style))
        parts += [
            tag("circle", {"cx": number(new[j, 0]), "cy": number(new[j, 1]), "r": 3 if group == "body" else 2,
                           "fill": "#fff", "stroke": _COLOURS[group]})
            for j in members if not sure[j] and _near(new[j], far)
        ]  # fmt: skip
    view = f"0 0 {number(width * scale)} 200"
    return tag("svg", {"viewBox": view, "class": "skeleton", "role": "img", "aria-label": "skeleton"}, *parts)


def _bones(points: np.ndarray, far: float, members: Sequence[int] | range, style: Mapping[str, object]) -> Markup:
    inside = set(members)
    pairs = [(points[p], points[j]) for p, j in SIGNING_50.bones if j in inside]
    path = "".join(f"M{number(a[0])} {number(a[1])}L{number(b[0])} {number(b[1])}"
                   for a, b in pairs if _near(a, far) and _near(b, far))  # fmt: skip
    return tag("path", {"d": path, "fill": "none", "stroke-linecap": "round", **style})


def _near(point: np.ndarray, far: float) -> bool:
    return bool(np.isfinite(point).all() and (np.abs(point) < far).all())
