"""Pictures to look at: a side-by-side video of signer, raw and refined skeleton, and a still for a page.

Colours are of the Okabe-Ito palette, told apart also by the colour-blind: left hand blue, right hand orange, body
grey. A missing joint, and the bones to it, are not drawn.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from skeletor.files.atomic import atomic_path
from skeletor.poses.normalise import STAGE as NORMALISE
from skeletor.poses.normalise import denormalise
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from skeletor.support.listening import said
from slt.video import Video, open_video, write_video

COLOURS = {"body": (90, 90, 90), "left_hand": (0, 114, 178), "right_hand": (213, 94, 0)}  # RGB
_PAPER, _INK = (255, 255, 255), (40, 40, 40)
_HEIGHT = 480  # of a panel
_WIDEST = 1920  # of a panel; wider pictures get lower panels
_STILL = 300  # height of a panel of a still
_LABEL = 26  # height of the line above the panels
_SHIFT = 4  # OpenCV draws at 1/16 pixel


@dataclass(frozen=True)
class Window:
    """The part of the picture that a panel shows: left, top, width, height in the pose's pixels; panel size."""

    left: float
    top: float
    width: float
    height: float
    size: tuple[int, int]  # (width, height) of the panel

    def place(self, points: np.ndarray) -> np.ndarray:
        """Positions (..., 2) in pixels of the picture to positions (..., 2) in pixels of the panel."""
        scale = np.array(self.size) / np.array([self.width, self.height])
        placed: np.ndarray = (points - np.array([self.left, self.top])) * scale
        return placed

    def cut(self, frame: np.ndarray) -> np.ndarray:
        """The panel (h, w, 3) uint8 of a picture (H, W, 3): cut out (white beyond its edges) and scaled."""
        x, y = self.size[0] / self.width, self.size[1] / self.height
        move = np.array([[x, 0, -self.left * x], [0, y, -self.top * y]])
        flags = cv2.INTER_AREA if x < 1 else cv2.INTER_CUBIC
        return cv2.warpAffine(frame, move, self.size, flags=flags, borderValue=_PAPER)


def make_view(video: Path | str, raw: PoseSequence, refined: PoseSequence | None, out: Path | str) -> int:
    """Write an mp4 of video | raw skeleton | refined skeleton, at the video's frame rate; gives its frame count.

    raw: 2D in pixels of the video. refined: 2D or 3D, in pixels, or normalised (it is mapped back); None leaves its
    panel out. Poses of another frame rate are shown at their place in time. Raises InputError.
    """
    with open_video(video, raw.fps if Path(video).is_dir() else None) as source:
        scale = min(_HEIGHT / source.height, _WIDEST / source.width)
        panel = max(2, round(source.width * scale)), max(2, round(source.height * scale))
        window = Window(0, 0, source.width, source.height, panel)
        poses = [to_picture(raw)] + ([to_picture(refined)] if refined is not None else [])
        labels = ["video", _name("raw", raw), "refined"][: 1 + len(poses)]
        with closing(_panels(source, poses, labels, window)) as frames:
            return write_video(out, frames, source.fps)


def make_still(
    raw: PoseSequence,
    refined: PoseSequence | None,
    out: Path | str,
    video: Path | str | None = None,
    frames: Sequence[int] | None = None,
    labels: Sequence[str] = ("video", "raw", "refined"),
) -> None:
    """Write a PNG: a column a frame; a row each for the pictures (if `video` is given), raw and refined.

    frames: which ones; default five, spread evenly over the clip, whatever they show. All panels show the same
    window around all that is drawn. Raises InputError if nothing is there to be drawn.
    """
    if frames is None:
        frames = np.linspace(0, len(raw) - 1, 7).round().astype(int)[1:-1].tolist()
    if not frames or min(frames) < 0 or max(frames) >= len(raw):
        raise InputError(f"{out}: frames {list(frames)} are not all in a clip of {len(raw)} frames")
    poses = [to_picture(raw)] + ([to_picture(refined)] if refined is not None else [])
    window = _around([pose.keypoints[list(frames)] for pose in poses], raw.provenance.image_size, out)
    rows = [[draw(pose, t, window) for t in frames] for pose in poses]
    if video is not None:
        with open_video(video, raw.fps if Path(video).is_dir() else None) as source:
            places = [round(t * source.fps / raw.fps) for t in frames]
            pictures = {k: window.cut(frame) for k, frame in enumerate(source) if k in places}
        blank = np.full((window.size[1], window.size[0], 3), _PAPER, np.uint8)
        rows.insert(0, [pictures.get(k, blank) for k in places])
    else:
        labels = labels[1:]
    image = np.concatenate([_titled(np.concatenate(row, 1), text) for row, text in zip(rows, labels, strict=False)])
    with atomic_path(out) as temporary:
        ok, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        if not ok:
            raise InputError(f"{out}: the picture cannot be encoded")
        temporary.write_bytes(data.tobytes())


def to_picture(pose: PoseSequence) -> PoseSequence:
    """The pose in the pixels of its video, (T, J, 2), depth dropped.

    Raises InputError if its provenance does not say how to get there.
    """
    if pose.provenance.units != "pixel":
        if pose.provenance.stage(NORMALISE) is None:
            raise InputError(
                f"{pose.provenance.source or 'pose'}: in {pose.provenance.units} units and never normalised from "
                "pixels; only poses estimated from a video can be shown beside it"
            )
        pose = denormalise(pose)
    return pose if pose.dims == 2 else pose.replace(pose.keypoints[:, :, :2])


def draw(pose: PoseSequence, frame: int, window: Window, panel: np.ndarray | None = None) -> np.ndarray:
    """(H, W, 3) uint8 RGB panel with one frame's skeleton, on `panel` (not changed) or on white.

    Body first, hands on top; the hands' lines are finer.
    """
    size = window.size
    image = np.full((size[1], size[0], 3), _PAPER, np.uint8) if panel is None else panel.copy()
    points = window.place(pose.keypoints[frame].astype(np.float64))  # (J, 2)
    far = 4.0 * max(size)
    there = np.isfinite(points).all(1) & (np.abs(np.nan_to_num(points)) < far).all(1)
    fixed = np.round(np.nan_to_num(points) * 2**_SHIFT).clip(-far * 2**_SHIFT, far * 2**_SHIFT).astype(np.int32)
    groups = dict(pose.skeleton.groups)
    unit = max(1, round(size[1] / 200))
    for group in ("body", "left_hand", "right_hand"):
        members = [j for j in groups.get(group, ()) if there[j]]
        inside, colour = set(members), COLOURS[group]
        width = 2 * unit if group == "body" else unit
        lines = [fixed[[p, j]].reshape(-1, 1, 2) for p, j in pose.skeleton.bones if j in inside and there[p]]
        cv2.polylines(image, lines, False, colour, width, cv2.LINE_AA, _SHIFT)
        for j in members:
            x, y = fixed[j].tolist()
            cv2.circle(image, (x, y), round(0.8 * width * 2**_SHIFT), colour, -1, cv2.LINE_AA, _SHIFT)
    return image


def _panels(video: Video, poses: list[PoseSequence], labels: list[str], window: Window) -> Generator[np.ndarray]:
    """The frames of the side-by-side video."""
    blank = np.full((window.size[1], window.size[0], 3), _PAPER, np.uint8)
    for k, frame in enumerate(said(video, "pictures", video.frame_count)):
        row = [_titled(window.cut(frame), labels[0])]
        for pose, label in zip(poses, labels[1:], strict=True):
            t = round(k / video.fps * pose.fps)
            row.append(_titled(draw(pose, t, window) if t < len(pose) else blank, label))
        yield np.concatenate(row, 1)


def _titled(panel: np.ndarray, text: str) -> np.ndarray:
    """The panel with a line of text above it."""
    head = np.full((_LABEL, panel.shape[1], 3), _PAPER, np.uint8)
    cv2.putText(head, text, (6, _LABEL - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
    return np.concatenate([head, panel])


def _around(points: Sequence[np.ndarray], picture: tuple[int, int] | None, out: Path | str) -> Window:
    """A window around all the points (each (T, J, 2)), a margin of 8 % included, but not beyond the picture."""
    flat = np.concatenate([p.reshape(-1, 2) for p in points])
    flat = flat[np.isfinite(flat).all(1)]
    if picture is not None:
        flat = flat[((flat >= 0) & (flat <= picture)).all(1)]
    if len(flat) == 0:
        raise InputError(f"{out}: no joint is there to be drawn in these frames")
    low, high = flat.min(0), flat.max(0)
    margin = 0.08 * float((high - low).max()) + 1
    low, high = low - margin, high + margin
    if picture is not None:
        low, high = np.maximum(low, 0), np.minimum(high, picture)
    width, height = (high - low).tolist()
    scale = min(_STILL / height, _WIDEST / width)
    return Window(
        float(low[0]), float(low[1]), width, height, (max(2, round(width * scale)), max(2, round(height * scale)))
    )


def _name(what: str, pose: PoseSequence) -> str:
    return f"{what} ({pose.provenance.estimator})" if pose.provenance.estimator else what
