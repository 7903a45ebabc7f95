"""What the viewer shows, as plain values: joints of a clip in a compact form, and the sentences with their times."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skeletor.poses.begins import begins
from skeletor.poses.key_frames import pose_stride
from skeletor.poses.normalise import STAGE as NORMALISE
from skeletor.poses.pose import PoseSequence
from skeletor.poses.seen import SURE
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError, printable
from slt.inference.chain import Translation, sureness
from slt.inference.recording import Recording
from slt.inference.sentences import Sentence
from slt.inference.view import to_picture
from slt.recognise.decoding.align import Sign

FORMAT = "slt-scene-1"
_STEPS = 32767  # a coordinate is a whole number from -_STEPS to _STEPS
_MISSING = -32768
_FAR = 2.0  # sizes of the picture beyond which a joint is not shown
_STRAY = 0.5  # per cent of the values on each side that the box of the 3D view need not hold
_WIDEST = 20.0  # shoulder widths from the neck beyond which a joint is not shown

Values = dict[str, Any]


def make_scene(
    name: str,
    raw: PoseSequence,
    lifted: PoseSequence,
    refined: PoseSequence,
    result: Translation | Recording | None = None,
    thin: int = 1,
) -> Values:
    """All that the viewer shows of one clip, for `to_json`.

    raw: (T, 50, 2 or 3) as it was estimated or given. lifted: (T, 50, 3) before, refined: (T, 50, 3) after the repair,
    both in shoulder widths. The joints lie over the picture if `raw` is 2D in the pixels of one, and always in 3D.
    result: what was understood; None leaves the sentences out. thin: N if only every N-th frame is shown, for a small
    scene. Raises InputError if the three are not of one clip.
    """
    poses = {"raw": lifted, "repaired": refined}
    for which, pose in poses.items():
        if pose.keypoints.shape != (len(raw), len(SIGNING_50), 3) or pose.provenance.units != "shoulder":
            raise InputError(f"{name}: {which} is no 3D pose of {len(raw)} frames in shoulder widths")
    if len(raw) == 0:
        raise InputError(f"{name}: has no frames; there is nothing to look at")
    size = raw.provenance.image_size if raw.dims == 2 and raw.provenance.units == "pixel" else None
    space = [pose.keypoints.astype(np.float64) for pose in poses.values()]
    box = _box(np.concatenate(space))
    scene: Values = {
        "format": FORMAT,
        "name": printable(name),
        "fps": raw.fps / thin,
        "frames": -(-len(raw) // thin),
        "begins": begins(raw.provenance),
        "picture": None if size is None else list(size),
        "bones": [list(bone) for bone in SIGNING_50.bones],
        "groups": {group: list(members) for group, members in SIGNING_50.groups},
        "seen": _bytes(_seen(raw)[::thin].astype(np.uint8)),
        "box": box,
        "space": {
            which: _packed(values[::thin], box["centre"], _WIDEST) for which, values in zip(poses, space, strict=True)
        },
        "flat": None if size is None else _flat(raw, refined, size, thin),
    }
    return scene | {"said": None if result is None else _said(result)}


def _seen(raw: PoseSequence) -> np.ndarray:
    """(T, J) bool: the estimator saw the joint. Between key frames of sparse 2D as in the key frame before."""
    if not raw.confidence.any():  # 3D from elsewhere: what has a place counts as seen
        return ~raw.missing
    return _held((raw.confidence >= SURE) & ~raw.missing, pose_stride(raw))


def _held(values: np.ndarray, stride: int) -> np.ndarray:
    """Values (T, ...) of key frames, kept until the next one."""
    return values[np.arange(len(values)) // stride * stride]


def _flat(raw: PoseSequence, refined: PoseSequence, size: tuple[int, int], thin: int) -> Values | None:
    """Both poses in the pixels of the picture."""
    if refined.provenance.stage(NORMALISE) is None:
        return None
    middle = np.array(size, float) / 2
    reach = _FAR * max(size)
    return {
        "raw": _packed(_held(raw.keypoints.astype(np.float64), pose_stride(raw))[::thin], middle.tolist(), reach),
        "repaired": _packed(to_picture(refined).keypoints[::thin].astype(np.float64), middle.tolist(), reach),
    }


def _packed(values: np.ndarray, centre: Sequence[float], reach: float) -> Values:
    """Coordinates (T, J, D) as 16-bit numbers in base64: centre + scale * number. Missing ones are -32768 in all D.

    So are those that lie farther than `reach` from the centre in some direction. The error is at most reach / 65534.
    """
    scale = reach / _STEPS
    numbers = np.round((values - np.asarray(centre)) / scale)  # (T, J, D)
    gone = ~(np.abs(numbers) <= _STEPS).all(-1, keepdims=True)  # NaN is not below anything
    whole = np.where(gone, _MISSING, np.nan_to_num(numbers)).astype("<i2")
    return {"centre": list(centre), "scale": scale, "dims": values.shape[2], "data": _bytes(whole)}


def _bytes(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def _box(points: np.ndarray) -> Values:
    """The ball that the 3D view shows: around nearly all joints of all frames; of usual size if there are none."""
    flat = points.reshape(-1, 3)
    flat = flat[np.isfinite(flat).all(1) & (np.abs(np.nan_to_num(flat)) < _WIDEST).all(1)]
    if len(flat) == 0:
        return {"centre": [0.0, 0.5, 0.0], "radius": 1.5}
    low, high = np.percentile(flat, (_STRAY, 100 - _STRAY), axis=0)
    return {"centre": ((low + high) / 2).tolist(), "radius": float(np.linalg.norm(high - low) / 2) + 1e-3}


def _said(result: Translation | Recording) -> Values:
    """What was understood: `sentences` in order with their times; why nothing was, in `reason`; warnings."""
    if isinstance(result, Recording):
        sentences = [_sentence(one) for one in result.sentences]
    else:
        sure = None if result.text is None else sureness(result.signals)
        whole = Sentence(
            0.0, result.duration, result.text, result.reason, sure,
            glosses=result.glosses, signs=result.signs, top=result.top,
        )  # fmt: skip
        sentences = [_sentence(whole)]
    return {
        "text": result.text,
        "reason": result.reason,
        "sentences": sentences,
        "warnings": list(result.warnings),
    }


def _sentence(one: Sentence) -> Values:
    """A segment. Glosses and guesses of what was not understood are not shown: they are as doubtful."""
    understood = one.text is not None
    return {
        "start": one.start_s,
        "end": one.end_s,
        "text": one.text,
        "reason": one.reason,
        "confidence": one.confidence,
        "glosses": list(one.glosses or ()) if understood else [],
        "signs": [_sign(sign) for sign in one.signs or ()] if understood else [],
        "top": [dataclasses.asdict(guess) for guess in one.top or ()] if understood else [],
    }


def _sign(sign: Sign) -> Mapping[str, Any]:
    return {"gloss": sign.gloss, "start": sign.start, "end": sign.end, "confidence": sign.confidence}
