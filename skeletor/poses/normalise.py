"""Invertible normalisation: neck-centred, one scale per sequence (the shoulder width).

One centre and one scale for the whole sequence, not per frame: a scale per frame makes the lengths of
the bones jitter by 1 to 3 %, and a centre per frame adds the neck's noise to every joint.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.support.errors import InputError

STAGE = "normalise"


def normalise(pose: PoseSequence, minimum_confidence: float = 0.3) -> PoseSequence:
    """Centre on the median neck and divide by the median shoulder distance in the picture plane.

    Takes any skeleton with neck and shoulders, 2D or 3D, in any unit; gives the unit "shoulder".
    Medians are over frames in which those joints have at least `minimum_confidence` (over all observed
    frames if there are none). Raises InputError if the skeleton lacks these joints, or they are never seen.
    """
    needed = ("neck", "left_shoulder", "right_shoulder")
    if not set(needed) <= set(pose.skeleton.joints):
        raise InputError(
            f"{pose.provenance.source or 'pose'}: skeleton {pose.skeleton.name:.60} has no neck and shoulders by which "
            "to normalise; map it to signing_50 first, or say what it is with --skeleton NAME"
        )
    joints = [pose.skeleton.index(joint) for joint in needed]
    seen = ~pose.missing[:, joints].any(1)
    sure = seen & (pose.confidence[:, joints].min(1) >= minimum_confidence)
    frames = sure if sure.any() else seen
    if not frames.any():
        raise InputError(f"{pose.provenance.source or 'pose'}: neck and shoulders are never seen; nobody to normalise")
    points = pose.keypoints[frames][:, joints].astype(np.float64)  # (T', 3, D)
    centre = np.median(points[:, 0], axis=0)  # (D,)
    scale = float(np.median(np.linalg.norm((points[:, 1] - points[:, 2])[:, :2], axis=1)))
    if scale < 1e-6:
        raise InputError(f"{pose.provenance.source or 'pose'}: both shoulders lie in one point; cannot be normalised")
    record = StageRecord(
        STAGE, config={"centre": centre.tolist(), "scale": scale, "units_before": pose.provenance.units}
    )
    keypoints = np.empty_like(pose.keypoints)
    for part in _parts(len(pose)):
        keypoints[part] = (pose.keypoints[part] - centre) / scale
    return pose.replace(keypoints, stage=record, units="shoulder")


def _parts(frames: int, size: int = 4096) -> Iterator[slice]:
    """Frames in pieces: double precision for an hour of video at once would take more memory than the video."""
    return (slice(k, k + size) for k in range(0, frames, size))


def denormalise(pose: PoseSequence) -> PoseSequence:
    """Undo the last `normalise` of this pose's provenance.

    A pose that gained a depth since (2D when normalised, 3D now) gets its depth scaled alike.
    Raises InputError if it was never normalised.
    """
    record = pose.provenance.stage(STAGE)
    if record is None:
        raise InputError(f"{pose.provenance.source or 'pose'}: was never normalised, there is nothing to undo")
    centre = np.zeros(pose.dims)
    known = np.asarray(record.config["centre"])[: pose.dims]
    centre[: len(known)] = known
    keypoints = np.empty_like(pose.keypoints)
    for part in _parts(len(pose)):
        keypoints[part] = pose.keypoints[part] * record.config["scale"] + centre
    return pose.replace(keypoints, stage=StageRecord("denormalise"), units=record.config["units_before"])


def renormalise(pose: PoseSequence, like: PoseSequence) -> PoseSequence:
    """The same pose in the normalisation of `like`, where both come from the same picture.

    Two detections of one clip have slightly different medians of neck and shoulder width; this puts them on
    one scale. Raises InputError if one of them was never normalised.
    """
    record = like.provenance.stage(STAGE)
    if record is None:
        raise InputError(f"{like.provenance.source or 'pose'}: was never normalised, cannot serve as the scale")
    plain = denormalise(pose)
    centre = np.zeros(pose.dims)
    known = np.asarray(record.config["centre"])[: pose.dims]
    centre[: len(known)] = known
    keypoints = (plain.keypoints - centre) / record.config["scale"]
    return plain.replace(keypoints.astype(np.float32), stage=StageRecord(STAGE, config=record.config), units="shoulder")
