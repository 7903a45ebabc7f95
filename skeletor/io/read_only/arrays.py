"""NumPy arrays of key points (`.npy`, `.npz`) as people save them of MediaPipe; read only.

(T, J, D) is a clip, (N, T, J, D) are N clips of one length, and (F, J, D) beside an array `length` (N,) that sums to F
are N clips one after the other; (T, 1, J, D) is a clip too, its second axis is people. D is x, y[, z[, visibility]]. In
an `.npz` all other arrays (labels, people) are left alone; `fps` (or `frame_rate`), a single number, is the frame rate,
`width` and `height` are the picture's.
(T, D, J), (D, T, J), (D, T, J, 1), (N, D, T, J, 1) are read as well, as are rows (T, J D), point after point or all x,
all y, and those with body, face and hands of MediaPipe one after the other. A body and two hands in arrays of their own
are one clip. An array of scores beside (T, J, 2) is their confidence.
J says what the points can be (33, 75, 543, 553, 67, ...), and what lies where decides between layouts of equal length.
Arrays of Python objects are never unpickled: they are left out, which is told, if none is needed.
A point at exactly 0, 0 or -1, -1 is missing, as is one that is no number, and a hand or body all of whose points are at
one place.
MediaPipe says x and y as shares of the picture: of those the picture's size has to be given.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from skeletor.files.kinds.mistaken import first_bytes
from skeletor.files.outside import checked_fps, existing_file, reading
from skeletor.files.read_only.npz import plain_array, read_plain
from skeletor.io.layouts import Layout, choose, collapsed, doubts, is_filling, layout_named, layouts_of
from skeletor.io.layouts.named import asking
from skeletor.io.layouts.units import Scale, unit_of
from skeletor.io.rates import assumed
from skeletor.io.read_only.array_forms import HOLISTIC_ROWS, from_rows, is_points, with_channels_last, with_parts_joined
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord, file_sha256
from skeletor.support.errors import InputError, printable
from skeletor.support.progress import log

WHAT = "NumPy file of key points"
SUFFIXES = (".npy", ".npz")
DEFAULT_FPS = 25.0
Size = tuple[int, int]
_SIDES = (16, 1 << 16)  # pixels of a picture's side
_MOST_PEOPLE = 6  # in a picture; a clip of fewer frames than that is none
_MOST_SCORE = 20.0  # SimCC's of RTMW reach 10
_MOST_CONFIDENT = 1.5  # OpenPose's scores exceed 1 by a little
_RATE_NAMES = ("fps", "frame_rate", "framerate")
_TIME_NAMES = ("timestamp", "timestamps", "time", "times", "timestampsms", "timestampms")
_FRAME_NAMES = ("frame", "frames", "frameid", "frameids", "frameidx", "frameindex", "frameindices", "framenumbers")
_SPACE_WORDS = ("world", "3d")  # in names of points that are not of the picture, beside those that are
_PICTURE_WORDS = ("", "image", "img", "picture", "frame", "video")  # whose width and height are those of the picture
_SCORE_WORDS = ("conf", "score", "visib", "prob")
_ASKS = "coordinates are shares of the picture (0 to 1); give its size, --size WIDTHxHEIGHT in pixels"


def picture_size(text: str) -> Size:
    """(width, height) in pixels of "640x480". InputError if it is none."""
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) != 2 or not all(side.strip().isascii() and side.strip().isdigit() for side in sides):
        raise InputError(f"--size {printable(text)}: expected WIDTHxHEIGHT in pixels, for example 640x480")
    return checked_size((int(sides[0]), int(sides[1])))


def checked_size(size: Size) -> Size:
    """The size if it can be a picture's; InputError, which names --size, if not."""
    if not all(_SIDES[0] <= side <= _SIDES[1] for side in size):
        raise InputError(f"--size {size[0]}x{size[1]}: each side must have {_SIDES[0]} to {_SIDES[1]} pixels")
    return size


def read_all(
    path: Path, fps: float | None, skeleton: str | None = None, size: Size | None = None
) -> dict[str, PoseSequence]:
    """All clips of a file by name, each (T, J, 2), in pixels where that can be.

    One clip is called like the file, several "ARRAY_0000", "ARRAY_0001", ... fps: frames per second; None: what the
    file says, else 25. skeleton: the layout of the points by name. size: (width, height) of the picture. Raises
    InputError, one line, if there are no key points, if their layout cannot be told, or for shares of a picture
    without its size.
    """
    arrays, objects = _arrays(path)
    told = fps if fps is not None else _rate(arrays, path)
    size = _size(arrays) if size is None else size
    with asking(path):
        found = _found(arrays, objects, skeleton, path)
    if objects:
        more = f" and {len(objects) - 1} more" if len(objects) > 1 else ""
        log.warning(f"{path}: {printable(objects[0])!r}{more} left out: objects (a pickle), which are not read")
    digest = file_sha256(path)
    poses: dict[str, PoseSequence] = {}
    for name, values in found.items():
        with asking(path):
            clips = list(_clips(values, arrays.get("length")))
            _check_frames(arrays, clips)
            layout, record = _layout(clips, skeleton, path)
            provenance = Provenance(printable(path.name), digest, layout.estimator, image_size=size).then(record)
            beside = _scores(arrays, name, values, path)
            scores = None if beside is None else list(_clips(beside[..., None], arrays.get("length")))
            made = _poses(clips, scores, layout, size, provenance, checked_fps(path, told or DEFAULT_FPS))
            made = made if told else [assumed(pose) for pose in made]
        alone = path.stem if len(found) == 1 else printable(name)
        poses |= {alone: made[0]} if len(made) == 1 else {f"{printable(name)}_{k:04d}": p for k, p in enumerate(made)}
    return poses


def mediapipe_pose(values: np.ndarray, size: Size | None, about: Provenance, fps: float) -> PoseSequence:
    """One clip of MediaPipe's 75 points (T, 75, 2 or 4) x, y[, z, visibility], NaN where missing. InputError as
    `read_all`."""
    layout = layout_named("mediapipe_75")
    about = dataclasses.replace(about, estimator=layout.estimator, image_size=size)
    return _poses([values], None, layout, size, about, fps)[0]


def _arrays(path: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """The plain arrays by name, and the names of those of objects."""
    existing_file(path, WHAT)
    head = first_bytes(path)
    if head.startswith(b"PK") or (path.suffix.lower() == ".npz" and not head.startswith(b"\x93NUMPY")):
        return read_plain(path, WHAT)
    with reading(path, WHAT):
        array = plain_array(path.read_bytes())
        return ({}, [path.stem]) if array is None else ({path.stem: array}, [])


def _found(
    arrays: Mapping[str, np.ndarray], objects: Sequence[str], skeleton: str | None, path: Path
) -> dict[str, np.ndarray]:
    """The arrays of key points by name, (T, J, D) or (N, T, J, D); InputError if there is none, or if what tells how
    they go together is among the `objects`, the names of arrays that are not read.

    Of several, those with as many points as no layout has are left out (faces, boxes), and those whose names say that
    they are in metres, which is told.
    """
    turned = {name: with_channels_last(values) for name, values in arrays.items()}
    found = {name: values for name, values in with_parts_joined(turned).items() if is_points(values)}
    known = {
        name: values for name, values in found.items()
        if layouts_of(values.shape[-2]) and not any(word in name.lower() for word in _SPACE_WORDS)
    }  # fmt: skip
    if known and skeleton is None:
        for name in found.keys() - known.keys():
            log.warning(f"{path}: the array {printable(name)!r} {found[name].shape} is not used")
        found = known
    if not found:
        rows = {name: from_rows(values, skeleton) for name, values in arrays.items()}
        found = {name: values for name, values in rows.items() if values is not None}
    needed = [name for name in objects if not found or _is_needed(name)]
    if needed:
        raise InputError(f"{printable(needed[0])!r} holds objects (a pickle), which are not read; save plain arrays")
    if not found and any(_is_one_frame(values) for values in arrays.values()):
        raise InputError("one frame of key points; put those of a clip into one array, numpy.stack([frame, ...])")
    if not found:
        shapes = ", ".join(f"{printable(name)} {values.shape}" for name, values in list(arrays.items())[:5])
        raise InputError(f"no array of key points, (frames, points, 2 or 3) or (clips, ...); there are {shapes}")
    return found


def _is_needed(name: str) -> bool:
    """Whether an array tells how points are to be read, or has points or scores of hands beside those of a body."""
    if _plain(name) in ("length", *_FRAME_NAMES) or name.lower() in _RATE_NAMES:
        return True
    return any(word in name.lower() for word in ("hand", *_SCORE_WORDS))


def _is_one_frame(values: np.ndarray) -> bool:
    """Whether an array can be the points of one frame, (J, D) or a row of them."""
    if values.ndim == 2 and values.shape[1] in (2, 3, 4):
        return bool(layouts_of(len(values)))
    return values.ndim == 1 and (len(values) in HOLISTIC_ROWS or any(layouts_of(len(values) // d) for d in (2, 3)))


def _scores(arrays: Mapping[str, np.ndarray], name: str, values: np.ndarray, path: Path) -> np.ndarray | None:
    """The array of confidences beside points, one a point, None if there is none. Another of that shape is told."""
    shape = values.shape[:-1]
    plain = tuple(side for side in shape if side != 1)
    beside = {
        k: a.reshape(shape) for k, a in arrays.items()
        if k != name and a.dtype.kind in "fiub" and tuple(side for side in a.shape if side != 1) == plain
    }  # fmt: skip
    scores = [other for other in beside if any(word in other.lower() for word in _SCORE_WORDS)]
    unused = [other for other in beside if other not in scores] if len(scores) == 1 else list(beside)
    if unused:
        log.warning(f"{path}: the array {printable(unused[0])!r}, a number a point, is not used")
    if len(scores) != 1:
        return None
    found = beside[scores[0]].astype(np.float64)
    if np.isnan(found).all() and np.isfinite(values).any():
        raise InputError(f"all of {printable(scores[0])} are NaN; leave them out if they are not known")
    least, most = float(np.nanmin(found, initial=0)), float(np.nanmax(found, initial=0))
    if most > _MOST_SCORE or least < -1:
        reach = f"{least:g}" if least < -1 else f"{most:g}"
        raise InputError(f"{printable(scores[0])} reaches {reach}; expected confidences from 0 to 1")
    return beside[scores[0]]


def _rate(arrays: Mapping[str, np.ndarray], path: Path) -> float | None:
    """Frames a second as the file says them; None if it does not. InputError if it says no one rate."""
    said = next((values for name, values in arrays.items() if name.lower() in _RATE_NAMES), None)
    if said is None:
        timed = next((name for name, a in arrays.items() if _plain(name) in _TIME_NAMES and a.size > 1), None)
        if timed is not None:
            log.warning(f"{path}: the times {printable(timed)!r} are not read")
        return None
    try:
        rates = np.unique(said.astype(np.float64))
    except ValueError:
        rates = np.zeros(0)
    if len(rates) != 1:
        raise InputError(f"{path}: its frame rate is not one number; give it with --fps")
    return checked_fps(path, float(rates[0]))


def _check_frames(arrays: Mapping[str, np.ndarray], clips: Sequence[np.ndarray]) -> None:
    """InputError if numbers of frames beside a clip say that some are left out: what follows would come too early."""
    for name, values in arrays.items():
        if _plain(name) not in _FRAME_NAMES or values.dtype.kind not in "iuf" or len(clips) != 1:
            continue
        if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.round(values))).all():
            continue  # no numbers of frames; pandas has these as floats, where some column had holes
        if values.shape != (len(clips[0]),) or len(values) < 2:
            continue
        steps = set(np.diff(values.astype(np.int64)).tolist())
        if len(steps) == 1 and min(steps) > 1:  # as folders of numbered frames are read
            log.warning(f"{printable(name)} are {min(steps)} apart; they are taken as all frames")
        elif steps != {1}:
            raise InputError(
                f"{printable(name)} are not one after the other: put NaN where a frame is left out, and take "
                f"{printable(name)} out of the file"
            )


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _size(arrays: Mapping[str, np.ndarray]) -> Size | None:
    """The picture's (width, height) where the file has both as single numbers; None if it does not say it so."""
    parts = [(*name.lower().rpartition("_"), values) for name, values in arrays.items() if values.size == 1]
    said = {what: values for of, _, what, values in parts if of in _PICTURE_WORDS}
    if not {"width", "height"} <= said.keys() or any(said[k].dtype.kind not in "fiu" for k in ("width", "height")):
        return None
    sides = [float(said[k].reshape(())) for k in ("width", "height")]
    if not all(np.isfinite(side) and _SIDES[0] <= side <= _SIDES[1] for side in sides):
        return None
    return round(sides[0]), round(sides[1])


def _clips(values: np.ndarray, length: np.ndarray | None) -> Iterator[np.ndarray]:
    """The clips (T, J, D) of an array."""
    if values.ndim == 4 and values.shape[1] == 1:  # (T, people, J, D), as pose-format has it
        yield values[:, 0]
    elif values.ndim == 4 and values.shape[1] < min(_MOST_PEOPLE, values.shape[0]):
        raise InputError(
            f"{values.shape} is {values.shape[1]} people or {values.shape[0]} clips of {values.shape[1]} frames; "
            "save one person, (frames, points, 2 or 3)"
        )
    elif values.ndim == 4:
        yield from values
    elif length is not None and length.ndim == 1 and length.dtype.kind in "iu":
        if (length < 0).any() or int(length.sum()) != len(values):
            raise InputError(f"length sums to {int(length.sum())}, but there are {len(values)} frames; damaged")
        yield from np.split(values, np.cumsum(length.astype(np.int64))[:-1])
    else:
        yield values


def _layout(clips: list[np.ndarray], skeleton: str | None, path: Path) -> tuple[Layout, StageRecord]:
    count = clips[0].shape[1] if clips else 0
    if skeleton is not None:
        layout = layout_named(skeleton)
        if len(layout) != count:
            raise InputError(f"has {count} points, {layout.name} has {len(layout)}")
        return layout, StageRecord("layout", config={"layout": layout.name, "by": "choice"})
    layouts = layouts_of(count)
    if not layouts:
        raise InputError(
            f"{count} points are no layout that is known; save those of one that --skeleton knows, in its order "
            "(MediaPipe's have 33, 75, 543 or 553)"
        )
    flat = np.concatenate([_clean(clip[:, :, :2]) for clip in clips])
    if not np.isfinite(flat).any():  # whichever it is, nobody is in it
        return layouts[0], StageRecord("layout", config={"layout": layouts[0].name, "by": "nobody"})
    layout, found = choose(layouts, flat)
    if found.note:
        log.warning(f"{path.name}: {found.note}")
    record = StageRecord("layout", config={"layout": layout.name, "by": "place", "score": round(found.score, 3)})
    return layout, record


def _clean(points: np.ndarray) -> np.ndarray:
    """(T, J, 2) float32, NaN where a point is missing."""
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is missing
        points = np.array(points, np.float32)
    points[is_filling(points) | ~np.isfinite(points).all(-1)] = np.nan
    return points


def _poses(
    clips: list[np.ndarray],
    scores: list[np.ndarray] | None,
    layout: Layout,
    size: Size | None,
    provenance: Provenance,
    fps: float,
) -> list[PoseSequence]:
    """scores: (T, J, 1) of each clip (T, J, D), where the file has them in an array of their own."""
    columns = layout.columns
    ours = [columns.get(joint, -1) for joint in layout.skeleton.joints]
    points = [_on(_clean(clip[:, :, :2]), ours, np.nan) for clip in clips]
    for values in points:
        values[collapsed(values, layout.skeleton.joints)] = np.nan
    sure = [_confidence(clip, layout) for clip in clips] if scores is None else _told_confidence(scores, layout)
    confidence = [_on(values, ours, 0) for values in sure]
    if scores is None and not any(c.any() for c in confidence) and any(np.isfinite(p).any() for p in points):
        raise InputError("the last value of every point is 0 (or no number): confidences, or depth? Save x, y")
    # 0: not found, wherever the tool put the point, so it says nothing of units or of how a body lies.
    points = [np.where(seen[..., None] > 0, values, np.nan) for values, seen in zip(points, confidence, strict=True)]
    joints = {joint: np.concatenate([p[:, k] for p in points]) for k, joint in enumerate(layout.skeleton.joints)}
    scale = _scale(joints, size)
    if doubt := doubts(joints):
        log.warning("%s: %s", provenance.source, doubt)
    record = StageRecord("to_pixels", config={"factor": list(scale.factor)}) if scale.factor else None
    about = dataclasses.replace(provenance.then(record) if record else provenance, units=scale.units)
    poses = []
    for values, seen in zip(points, confidence, strict=True):
        scaled = values * np.asarray(scale.factor, np.float32) if scale.factor else values
        seen = np.where(np.isnan(scaled[..., 0]), 0, seen)
        poses.append(_with_neck(PoseSequence(scaled, seen, fps, layout.skeleton, about)))
    return poses


def _on(values: np.ndarray, columns: list[int], nothing: float) -> np.ndarray:
    """Columns (T, J', ...) of values (T, J, ...); `nothing` for -1."""
    taken = np.array(values[:, columns])
    taken[:, [k for k, column in enumerate(columns) if column < 0]] = nothing
    return taken


def _confidence(clip: np.ndarray, layout: Layout) -> np.ndarray:
    """(T, J) of a clip (T, J, D): MediaPipe's visibility, OpenPose's score, else 1.

    MediaPipe has no visibility for hands (0): they count as seen.
    """
    if clip.shape[2] == 2 or (clip.shape[2] == 3 and layout.estimator == "mediapipe"):
        return np.ones(clip.shape[:2], np.float32)
    score = np.nan_to_num(clip[:, :, -1].astype(np.float32))
    if score.min(initial=0) < 0 or score.max(initial=0) > _MOST_CONFIDENT:
        raise InputError(f"the last value of a point of {layout.name} should be a confidence from 0 to 1; save x, y")
    return np.where(score > 0, score.clip(0, 1), 1) if layout.estimator == "mediapipe" else score.clip(0, 1)


def _told_confidence(scores: list[np.ndarray], layout: Layout) -> list[np.ndarray]:
    """(T, J) of scores (T, J, 1) in an array of their own; 0 is a point that was not found, but of MediaPipe, as above.

    SimCC's scores (RTMPose) may exceed 1.
    """
    told = [np.nan_to_num(score[..., 0].astype(np.float32)) for score in scores]
    return [np.where((score == 0) & (layout.estimator == "mediapipe"), 1, score.clip(0, 1)) for score in told]


def _scale(joints: Mapping[str, np.ndarray], size: Size | None) -> Scale:
    """The unit of the joints, each (R, 2), and the factor to pixels; InputError for shares without a size."""
    assumed = size or (1000, 1000)
    scale = unit_of(joints, assumed)
    if scale.factor and size is None:
        raise InputError(_ASKS)
    return scale if size or scale.factor else unit_of(joints, (0, 0))


def _with_neck(pose: PoseSequence) -> PoseSequence:
    """The pose with a missing neck between its shoulders, where the skeleton has one that is never seen."""
    joints = pose.skeleton.joints
    if "neck" not in joints or not pose.missing[:, joints.index("neck")].all():
        return pose
    neck, left, right = (joints.index(j) for j in ("neck", "left_shoulder", "right_shoulder"))
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[:, neck] = (keypoints[:, left] + keypoints[:, right]) / 2
    both = np.isfinite(keypoints[:, neck, 0])
    confidence[:, neck] = np.where(both, np.minimum(confidence[:, left], confidence[:, right]), 0)
    return pose.replace(keypoints, confidence)
