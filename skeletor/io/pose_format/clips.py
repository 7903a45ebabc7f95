"""`.pose` files, versions 0.0, 0.1 and 0.2, of pose-format (A. Moryossef et al.).

Which point is which joint is told by the names in the header, or by what lies where (`skeletor.io.layouts`). OpenPose,
COCO, Halpe and AlphaPose points become BODY25_HANDS, MediaPipe's MEDIAPIPE_75; faces and world landmarks are
dropped. Any other file gets a skeleton of its own from the header's points and limbs. Coordinates from 0 to 1 become
pixels (`skeletor.io.layouts.units`). Files are written in version 0.2, which the format's own readers take.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from skeletor.files.atomic import atomic_path
from skeletor.files.outside import existing_file, reading
from skeletor.io.layouts import (
    Named,
    Point,
    by_names,
    choose,
    collapsed,
    doubts,
    is_world,
    layout_named,
    layouts_of,
    nose_of_face,
    writing_names,
)
from skeletor.io.layouts.named import asking
from skeletor.io.layouts.units import FARTHEST, Scale, unit_of
from skeletor.io.people import People, SignerChoice, Take, select
from skeletor.io.pose_format.container import Component, PoseFile, parse, usable_fps
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import Skeleton
from skeletor.support.errors import InputError
from skeletor.support.progress import log

WHAT = ".pose file"
_LARGEST_SIDE = 65535  # of a picture, in the header


def read_people(path: Path | str, fps: float | None = None, skeleton: str | None = None) -> People:
    """Everybody in a `.pose` file, (T, P, J, D).

    fps: replaces what the file says. skeleton: the layout of all its points by name (`skeletor.io.layouts`), where
    their names do not tell. Raises InputError if the file is missing, not of this format, not exactly as long as its
    header says, or if its frame rate or its unit cannot be known.
    """
    path = existing_file(Path(path), WHAT)
    with reading(path, WHAT):
        content = path.read_bytes()
        file = parse(content)
        rate = usable_fps(file.fps, fps)
        points = [(c.name, point) for c in file.components for point in c.points]
        with asking(path):
            known, record = _layout(file, points, skeleton, path.name)
        size = file.size if all(file.size) else None
        estimator = known.estimator if known else ""
        provenance = Provenance(
            path.name, hashlib.sha256(content).hexdigest(), estimator, "", size, "pixel" if size else "unknown"
        )
        if record:
            provenance = provenance.then(record)
        if known is None:
            return _plain_people(file, points, rate, provenance)
        return _known_people(file, points, known, rate, provenance)


def read_pose(
    path: Path | str, choose: SignerChoice | None = None, fps: float | None = None, skeleton: str | None = None
) -> PoseSequence:
    """The signer of a `.pose` file, (T, J, D).

    choose: picks the signer among several people (default: whose hands move most). Raises InputError as `read_people`.
    """
    people = read_people(path, fps, skeleton)
    with reading(Path(path), WHAT):
        return select(people, choose)


def write_pose(pose: PoseSequence, path: Path | str) -> None:
    """Write a `.pose` file (version 0.2), atomically.

    Missing joints are written as zeros with confidence 0, as the format has it. The header says the picture's
    size if the unit is pixels, and 0 x 0 otherwise. Of the provenance only that survives; a joint inferred at
    confidence 0 is missing when read back.
    """
    from pose_format import Pose, PoseHeader
    from pose_format.numpy import NumPyPoseBody
    from pose_format.pose_header import PoseHeaderComponent, PoseHeaderDimensions

    names = writing_names(pose.skeleton, pose.dims)
    order = [names[joint] for joint in pose.skeleton.joints]
    limbs = pose.skeleton.bones
    components = []
    for name in dict.fromkeys(component for component, _ in order):
        members = [k for k, (component, _) in enumerate(order) if component == name]
        inside = [(members.index(a), members.index(b)) for a, b in limbs if a in members and b in members]
        fields = "XYZC" if pose.dims == 3 else "XYC"
        points = [order[k][1] for k in members]
        components.append(PoseHeaderComponent(name, points, inside, [(255, 0, 0)] * len(inside), fields))
    header = PoseHeader(0.2, PoseHeaderDimensions(*_picture(pose)), components)
    gone = pose.missing
    data = np.where(gone[..., None], 0, pose.keypoints)[:, None]  # (T, 1, J, D)
    masked = np.ma.masked_array(data, np.broadcast_to(gone[:, None, :, None], data.shape))
    buffer = io.BytesIO()
    try:
        Pose(header, NumPyPoseBody(pose.fps, masked, pose.confidence[:, None])).write(buffer)
    except Exception as error:  # struct.error and ValueError of the library, for names and counts it cannot hold
        raise InputError(f"{path}: this pose does not fit into a {WHAT}: {error}") from error
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def read_all(
    path: Path, fps: float | None, skeleton: str | None = None, take: Take = select
) -> Mapping[str, PoseSequence]:
    """The file's one clip, (T, J, D), under the file's name. Raises InputError as `read_people` does.

    take: who of several people.
    """
    people = read_people(path, fps, skeleton)
    with reading(path, WHAT):
        return {path.stem: take(people)}


def _layout(
    file: PoseFile, points: Sequence[Point], skeleton: str | None, where: str
) -> tuple[Named | None, StageRecord | None]:
    """Which point is which joint, and how that is known; (None, None) if no layout is."""
    if skeleton:
        layout = layout_named(skeleton)
        if len(layout) != len(points):
            raise InputError(f"has {len(points)} points, {layout.name} has {len(layout)}")
        record = StageRecord("layout", config={"layout": layout.name, "by": "choice"})
        return Named(layout.columns, layout.skeleton, layout.estimator, layout.dims), record
    if named := by_names(points):
        return named, None
    layouts = layouts_of(len(points))
    if not layouts or any(is_world(component) for component, _ in points):
        return None, None
    values = np.where(file.confidence[..., None] > 0, file.values[..., :2], np.nan).reshape(-1, len(points), 2)
    try:
        layout, found = choose(layouts, values)
    except InputError as error:  # still good for what needs no joints of ours
        log.warning(f"{where}: joints are not known: {error}")
        return None, None
    if found.note:
        log.warning(f"{where}: {found.note}")
    log.info(f"{len(points)} points are read as {layout.name}, by what lies where")
    record = StageRecord("layout", config={"layout": layout.name, "by": "place", "score": round(found.score, 3)})
    return Named(layout.columns, layout.skeleton, layout.estimator, layout.dims), record


def _known_people(file: PoseFile, points: Sequence[Point], known: Named, fps: float, provenance: Provenance) -> People:
    """People on the layout's skeleton, in pixels where that can be; joints that the file lacks are missing."""
    columns = dict(known.columns)
    nose = nose_of_face(points)
    if "nose" in known.skeleton.joints and "nose" not in columns and nose is not None:
        columns["nose"] = nose
        log.info(f"{provenance.source}: the nose is the tip of the nose in FACE_LANDMARKS")
    if "neck" in columns and not (file.confidence[..., columns["neck"]] > 0).any():
        del columns["neck"]  # never seen, as where a converter leaves it out: it is put between the shoulders
    ours = [joint for joint in known.skeleton.joints if joint in columns]
    values, confidence = _clean(file, [columns[joint] for joint in ours], known.dims)
    gone = collapsed(values[..., :2], ours)
    values[gone], confidence[gone] = np.nan, 0
    frames, people, _, dims = values.shape
    flat = values.reshape(frames * people, len(ours), dims)
    joints = {joint: flat[:, k, :2] for k, joint in enumerate(ours)}
    scale = unit_of(joints, file.size, dims)
    if doubt := doubts(joints):
        log.warning(f"{provenance.source}: {doubt}")
    skeleton = Skeleton(known.skeleton.name, tuple(ours), (-1,) * len(ours), (), (("body", tuple(range(len(ours)))),))
    skeleton = known.skeleton if skeleton.joints == known.skeleton.joints else skeleton
    found = People(_scaled(values, scale), confidence, fps, skeleton, _in_unit(provenance, scale))
    return found if skeleton == known.skeleton else _on(found, known.skeleton)


def _clean(file: PoseFile, columns: Sequence[int], dims: int) -> tuple[np.ndarray, np.ndarray]:
    """(T, P, J, D) and (T, P, J) of some points, NaN and 0 where missing. InputError for impossible coordinates."""
    values = np.array(file.values[:, :, columns, :dims], np.float32)
    confidence = np.clip(np.nan_to_num(file.confidence[:, :, columns]), 0, 1)  # OpenPose's scores reach 1.006
    gone = (confidence == 0) | np.isnan(values).any(-1) | (values[..., :2] == -1).all(-1)
    values[gone], confidence[gone] = np.nan, 0
    largest = float(np.nanmax(np.abs(values), initial=0))
    if not largest < FARTHEST:
        raise InputError(f"has a coordinate of {largest:g}; it is damaged, or in no unit of a picture")
    return values, confidence


def _plain_people(file: PoseFile, points: Sequence[Point], fps: float, provenance: Provenance) -> People:
    """People with joints as the file calls them ("component/point" if it has several components)."""
    several = len(file.components) > 1
    joints = tuple(f"{component}/{point}" if several else point for component, point in points)
    if len(set(joints)) != len(joints):
        raise InputError("two points have the same name")
    parents: list[int] = []
    for component in file.components:
        parents += _parents(component, len(parents))
    values, confidence = _clean(file, range(len(points)), file.values.shape[3])
    if all(is_world(component) for component, _ in points):
        provenance = dataclasses.replace(provenance, units="metre")
    name = "+".join(component.name for component in file.components)
    skeleton = Skeleton(name, joints, tuple(parents), (), (("body", tuple(range(len(joints)))),))
    return People(values, confidence, fps, skeleton, provenance)


def _parents(component: Component, first: int) -> list[int]:
    """Parents by a component's limbs, where these make a forest; else none. A later limb to a joint is a cycle."""
    parents = [-1] * len(component.points)
    for a, b in component.limbs:
        if parents[b] < 0 and not _hangs_on(parents, a, b):
            parents[b] = a
    return [p + first if p >= 0 else -1 for p in parents]


def _hangs_on(parents: list[int], joint: int, ancestor: int) -> bool:
    """True if `joint` is `ancestor` or one of its descendants."""
    while joint >= 0 and joint != ancestor:
        joint = parents[joint]
    return joint == ancestor


def _scaled(values: np.ndarray, scale: Scale) -> np.ndarray:
    return values if scale.factor is None else values * np.asarray(scale.factor, np.float32)


def _in_unit(provenance: Provenance, scale: Scale) -> Provenance:
    """With the unit that was found, and how points were scaled to it."""
    if scale.factor is not None:
        log.info(f"{provenance.source}: coordinates are shares of the picture; they are made pixels by its size")
        return provenance.then(StageRecord("to_pixels", config={"factor": list(scale.factor)}), scale.units)
    size = provenance.image_size if scale.units == "pixel" else None
    return dataclasses.replace(provenance, units=scale.units, image_size=size)


def _on(people: People, skeleton: Skeleton) -> People:
    """The same people on a larger skeleton."""
    frames, count, joints, dims = people.keypoints.shape
    flat = PoseSequence(
        people.keypoints.reshape(frames * count, joints, dims),
        people.confidence.reshape(frames * count, joints),
        people.fps,
        people.skeleton,
        people.provenance,
    ).to_skeleton(skeleton)
    return People(
        flat.keypoints.reshape(frames, count, len(skeleton), dims),
        flat.confidence.reshape(frames, count, len(skeleton)),
        people.fps,
        skeleton,
        flat.provenance,
    )


def _picture(pose: PoseSequence) -> tuple[int, int, int]:
    """Width, height and depth for the header."""
    if pose.provenance.units != "pixel":
        return 0, 0, 0
    size = pose.provenance.image_size
    if size is None:
        far = np.nan_to_num(np.nanmax(pose.keypoints[..., :2], axis=(0, 1), initial=1), nan=1)
        size = (int(np.ceil(far[0])), int(np.ceil(far[1])))
    width, height = (min(max(side, 1), _LARGEST_SIDE) for side in size)
    return width, height, 0
