"""`.pose` files, versions 0.0, 0.1 and 0.2, through the pose-format library (A. Moryossef et al.).

OpenPose files (135 or 137 points) become BODY25_HANDS and MediaPipe holistic files MEDIAPIPE_75; faces and
MediaPipe's world landmarks are dropped. Any other file gets a skeleton of its own from the header's points and
limbs. Files are written in version 0.2, which the format's own readers take.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.atomic import atomic_path
from skeletor.errors import InputError
from skeletor.io._files import existing_file, reading
from skeletor.io.people import People, SignerChoice, select
from skeletor.io.pose_layouts import Layout, Point, find_layout, writing_layout
from skeletor.pose import PoseSequence, Provenance, file_sha256
from skeletor.skeleton import Skeleton

WHAT = ".pose file"
_LARGEST_SIDE = 65535  # of a picture, in the header


def read_people(path: Path | str) -> People:
    """Everybody in a `.pose` file, (T, P, J, D). The library gives only the first person of a version 0.0 file.

    Raises InputError if the file is missing, not of this format, or not exactly as long as its header says
    (the library loads version 0.1 files that lack half of their frames without a word).
    """
    from pose_format.numpy import NumPyPoseBody
    from pose_format.pose_header import PoseHeader
    from pose_format.utils.reader import BufferReader

    path = existing_file(Path(path), WHAT)
    with reading(path, WHAT):
        content = path.read_bytes()
        reader = BufferReader(content)
        header = PoseHeader.read(reader)
        _check_header(header)
        _check_length(header, content[reader.read_offset :])
        body = NumPyPoseBody.read(header, reader)
        points = [(c.name, p) for c in header.components for p in c.points]
        layout = find_layout(points)
        size = (header.dimensions.width, header.dimensions.height)
        provenance = Provenance(
            source=path.name,
            sha256=file_sha256(path),
            estimator=layout.estimator if layout else "",
            image_size=size if all(size) else None,
            units="pixel" if all(size) else "unknown",
        )
        values = np.ma.getdata(body.data).astype(np.float32)  # (T, P, J, D)
        return _people(values, np.asarray(body.confidence, np.float32), float(body.fps), header, layout, provenance)


def read_pose(path: Path | str, choose: SignerChoice | None = None) -> PoseSequence:
    """The signer of a `.pose` file: with several people, whom `choose` picks (default: largest moving hands)."""
    people = read_people(path)
    with reading(Path(path), WHAT):
        layout = find_layout([_split(joint) for joint in people.skeleton.joints])
        pose = select(people, choose)
        return _rename(pose, layout) if layout else _plain(pose)


def write_pose(pose: PoseSequence, path: Path | str) -> None:
    """Write a `.pose` file (version 0.2), atomically.

    Missing joints are written as zeros with confidence 0, as the format has it. The header says the picture's
    size if the unit is pixels, and 0 x 0 otherwise. Of the provenance only that survives; a joint inferred at
    confidence 0 is missing when read back.
    """
    from pose_format import Pose, PoseHeader
    from pose_format.numpy import NumPyPoseBody
    from pose_format.pose_header import PoseHeaderComponent, PoseHeaderDimensions

    layout = writing_layout(pose.skeleton, pose.dims)
    order = [layout.names[joint] for joint in pose.skeleton.joints]
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


def read_all(path: Path, fps: float | None) -> Mapping[str, PoseSequence]:
    """The file's one clip, under the file's name; `fps` replaces what the file says."""
    pose = read_pose(path)
    return {path.stem: pose if fps is None else pose.replace(fps=fps)}


def _check_header(header: Any) -> None:
    """InputError if the header cannot be that of a recording."""
    if round(header.version, 3) not in (0.0, 0.1, 0.2):
        raise InputError(f"version {header.version:g} of the .pose format is unknown; 0.0, 0.1 and 0.2 are read")
    formats = {c.format for c in header.components}
    if not header.components or not formats <= {"XYC", "XYZC"} or len(formats) > 1:
        raise InputError(f"components with values {sorted(formats)}; expected all XYC or all XYZC")
    if header.total_points() == 0:
        raise InputError("has no points")


def _check_length(header: Any, body: bytes) -> None:
    """InputError unless the body has exactly the bytes that the header promises."""
    values = header.total_points() * (header.num_dims() + 1)  # of one person in one frame
    version = round(header.version, 3)
    if version == 0.0:
        _check_length_0(values, body)
        return
    head = 6 if version == 0.1 else 10
    if len(body) < head:
        raise InputError("is truncated in its header")
    people = int.from_bytes(body[head - 2 : head], "little")
    if people == 0:
        raise InputError("holds nobody (0 people)")
    said = int.from_bytes(body[2:4] if version == 0.1 else body[4:8], "little")
    frames, rest = divmod(len(body) - head, 4 * people * values)
    # version 0.1 counts frames in 16 bits, so longer recordings wrap around
    same = frames % 65536 == said if version == 0.1 else frames == said
    if rest or not same:
        raise InputError(f"is truncated or damaged: its header says {said} frames, its length {frames}")


def _check_length_0(values: int, body: bytes) -> None:
    """The same for version 0.0, where each frame says how many people it has."""
    said = int.from_bytes(body[2:4], "little")
    at = 4
    for frame in range(said):
        people = int.from_bytes(body[at : at + 2], "little")
        at += 2 + people * (2 + 4 * values)
        if at > len(body):
            raise InputError(f"is truncated or damaged: its header says {said} frames, it ends in frame {frame}")
    if at != len(body) or said == 0:
        raise InputError(f"is damaged: {len(body) - at} bytes follow its {said} frames")


def _people(
    values: np.ndarray, confidence: np.ndarray, fps: float, header: Any, layout: Layout | None, provenance: Provenance
) -> People:
    """People with joints called "component/point" and the header's limbs."""
    confidence = np.clip(np.nan_to_num(confidence), 0, 1)  # OpenPose's scores reach 1.006
    if layout:
        values = values[..., : layout.dims]
    gone = (confidence == 0) | np.isnan(values).any(-1)
    confidence = np.where(gone, 0, confidence)
    values = np.where(gone[..., None], np.nan, values)
    joints: list[str] = []
    parents: list[int] = []
    for component in header.components:
        first = len(joints)
        joints += [f"{component.name}/{point}" for point in component.points]
        parents += _parents(component, first)
    if len(set(joints)) != len(joints):
        raise InputError("two points have the same name")
    name = "+".join(component.name for component in header.components)
    skeleton = Skeleton(name, tuple(joints), tuple(parents), (), (("body", tuple(range(len(joints)))),))
    return People(values, confidence, fps, skeleton, provenance)


def _parents(component: Any, first: int) -> list[int]:
    """Parents by a component's limbs, where these make a forest; else none. A later limb to a joint is a cycle."""
    parents = [-1] * len(component.points)
    for a, b in component.limbs:
        if not (a < len(parents) and b < len(parents)):
            raise InputError(f"component {component.name!r}: a limb ends in a point that is not there")
        if parents[b] < 0 and not _hangs_on(parents, a, b):
            parents[b] = a
    return [p + first if p >= 0 else -1 for p in parents]


def _hangs_on(parents: list[int], joint: int, ancestor: int) -> bool:
    """True if `joint` is `ancestor` or one of its descendants."""
    while joint >= 0 and joint != ancestor:
        joint = parents[joint]
    return joint == ancestor


def _split(joint: str) -> Point:
    component, _, point = joint.partition("/")
    return component, point


def _rename(pose: PoseSequence, layout: Layout) -> PoseSequence:
    """The pose on the layout's skeleton; joints that the file lacks are missing."""
    column = {_split(joint): k for k, joint in enumerate(pose.skeleton.joints)}
    known = [(ours, column[theirs]) for ours, theirs in layout.names.items() if theirs in column]
    columns = [k for _, k in known]
    joints = tuple(ours for ours, _ in known)
    skeleton = Skeleton(pose.skeleton.name, joints, (-1,) * len(joints), (), (("body", tuple(range(len(joints)))),))
    named = PoseSequence(pose.keypoints[:, columns], pose.confidence[:, columns], pose.fps, skeleton, pose.provenance)
    if joints == layout.skeleton.joints:
        return PoseSequence(named.keypoints, named.confidence, named.fps, layout.skeleton, named.provenance)
    return named.to_skeleton(layout.skeleton)


def _plain(pose: PoseSequence) -> PoseSequence:
    """The pose with the component's name off its joints, if there is but one component."""
    joints = pose.skeleton.joints
    if len({_split(joint)[0] for joint in joints}) > 1:
        return pose
    s = pose.skeleton
    skeleton = Skeleton(s.name, tuple(_split(joint)[1] for joint in joints), s.parents, s.pairs, s.groups)
    return PoseSequence(pose.keypoints, pose.confidence, pose.fps, skeleton, pose.provenance)


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
