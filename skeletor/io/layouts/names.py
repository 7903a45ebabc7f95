"""Joints of a file's points, by the names that the file gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from skeletor.io.layouts.tables import with_roots
from skeletor.poses.skeleton import BODY25_HANDS, MEDIAPIPE_75, SKELETONS, Skeleton
from skeletor.support.errors import InputError

# A point of a file: the component's name and the point's name.
Point = tuple[str, str]

_HAND = tuple(joint.removeprefix("left_hand_") for joint in BODY25_HANDS.joints[25:46])
# How the tools of the field call the 21 points of a hand, root first, then thumb to little finger.
_HAND_NAMES = (
    "base t_stt t_bcmc t_mcp t_ip i_cmc i_mcp i_pip i_dip m_cmc m_mcp m_pip m_dip r_cmc r_mcp r_pip r_dip "
    "p_cmc p_mcp p_pip p_dip",
    "wrist thumb_cmc thumb_mcp thumb_ip thumb_tip "
    + " ".join(f"{f}_{k}" for f in ("index_finger", "middle_finger", "ring_finger", "pinky") for k in
               ("mcp", "pip", "dip", "tip")),
    "wrist thumb1cmc thumb2knuckles thumb3ip thumb4fingertip "
    + " ".join(f"{f}{k}" for f in ("index", "middle", "ring", "pinky") for k in
               ("1knuckles", "2pip", "3dip", "4fingertip")),
    "hand_root " + " ".join(f"{f}{k}" for f in ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
                            for k in (1, 2, 3, 4)),
    " ".join(f"hand_{k}" for k in range(21)),
    " ".join(_HAND),
)  # fmt: skip


def _key(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


_FINGER = MappingProxyType({_key(name): _HAND[k] for names in _HAND_NAMES for k, name in enumerate(names.split())})
_HALF_A_HAND, _WHOLE_HAND = 10, 20  # some tools keep the tips alone; a whole hand has 20 points and a root
# Names that only fingers have: where they stand, a hand is meant.
_HAND_ONLY = frozenset(name for name in _FINGER if name not in ("wrist", "base", "root"))
_CENTRAL = MappingProxyType({"nose": "nose", "neck": "neck", "midhip": "mid_hip", "pelvis": "mid_hip"})
_SIDED = MappingProxyType(
    {
        _key(joint.removeprefix("left_").removesuffix("_left")): joint
        for skeleton in (BODY25_HANDS, MEDIAPIPE_75)
        for joint in skeleton.joints
        if "left" in joint.split("_") and "hand" not in joint
    }
)
_JOINTS = frozenset((*BODY25_HANDS.joints, *MEDIAPIPE_75.joints))
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SIDES = MappingProxyType({"l": "left", "left": "left", "r": "right", "right": "right"})


@dataclass(frozen=True)
class Named:
    """What names tell: our joint -> place in the file, on our skeleton; `Layout` has the other fields."""

    columns: Mapping[str, int]
    skeleton: Skeleton
    estimator: str
    dims: int


def by_names(points: Sequence[Point]) -> Named | None:
    """The joints of a file by their names, or None if these do not tell (no shoulders).

    World landmarks (MediaPipe's, in metres from the hips) and faces are left out. Raises InputError for names that
    contradict one another or are nearly known ones.
    """
    for skeleton in SKELETONS.values():
        if list(points) == [(skeleton.name, joint) for joint in skeleton.joints]:
            return Named({joint: k for k, joint in enumerate(skeleton.joints)}, skeleton, "", 3)
    columns: dict[str, int] = {}
    unknown: list[Point] = []
    for place, (component, point) in enumerate(points):
        joint = joint_of(component, point)
        if joint is None:
            unknown.append((component, point))
        elif joint in columns:
            raise InputError(f"two points are the {joint}, one is {component!r:.40} {point!r:.40}; is it damaged?")
        else:
            columns[joint] = place
    if {"left_shoulder", "right_shoulder"} & columns.keys():
        _check_damage(columns, unknown)
    if not {"left_shoulder", "right_shoulder"} <= columns.keys():
        return None
    return _named(with_roots(columns), [component for component, _ in points])


def _check_damage(columns: Mapping[str, int], unknown: Sequence[Point]) -> None:
    """InputError if a name is nearly one that is known: its joint would be lost without a word."""
    for joint in columns:
        twin = joint.replace("left", "#").replace("right", "left").replace("#", "right")
        if "hand" not in joint and twin not in columns:
            raise InputError(f"has a {joint} but no {twin}; is a name damaged?")
    for side in ("left", "right"):
        fingers = sum(joint.startswith(f"{side}_hand_") for joint in columns)
        if _HALF_A_HAND < fingers < _WHOLE_HAND:
            raise InputError(f"has {fingers} points of the {side} hand; are names damaged?")
    for component, point in unknown:
        words = _words(component)
        if is_world(component) or "face" in words:
            continue
        hand = "hand" in words or "hands" in words
        near = any(_nearly(_key(point), form) for joint in _JOINTS - columns.keys() for form in _forms(joint))
        if hand or near or _key(point) in _HAND_ONLY or not point.isprintable():
            raise InputError(f"the point {point!r:.40} of {component!r:.40} is not known; is a name damaged?")


def _forms(joint: str) -> Iterator[str]:
    """How tools write the name of a joint of ours, without marks and capitals."""
    side, _, rest = joint.partition("_")
    yield _key(joint)
    if side in ("left", "right"):
        yield _key(side[0] + rest)
        yield _key(rest + side)


def _nearly(name: str, known: str) -> bool:
    """True if one letter is another, or one is gone."""
    if len(name) == len(known):
        return sum(a != b for a, b in zip(name, known, strict=True)) == 1
    return len(name) == len(known) - 1 and any(known[:k] + known[k + 1 :] == name for k in range(len(known)))


def _named(columns: dict[str, int], components: Sequence[str]) -> Named:
    used = {components[place] for place in columns.values()}
    if any("landmarks" in name.lower() for name in used):
        return Named(columns, MEDIAPIPE_75, "mediapipe", 2)
    openpose = any("keypoints2d" in _key(name) or _key(name) == "body135" for name in used)
    return Named(columns, BODY25_HANDS, "openpose" if openpose else "", 3)


def is_world(component: str) -> bool:
    """True for points of a component in metres around the signer's hips, which stand beside those of the picture."""
    return "world" in component.lower()


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def joint_of(component: str, point: str) -> str | None:
    """Our name of the point `point` of the component `component`, or None if it is no joint of ours."""
    about = _words(component)
    if is_world(component) or "face" in about:
        return None
    if "hand" in about or "hands" in about:
        sides = [_SIDES[word] for word in about if word in _SIDES] or [_side(point)[0]]
        finger = _FINGER.get(_key(point)) or _FINGER.get(_side(point)[1])
        finger = finger or (_HAND[int(point)] if point in map(str, range(21)) else None)
        return f"{sides[0]}_hand_{finger}" if finger and sides[0] else None
    side, rest = _side(point)
    if not side:
        return _CENTRAL.get(rest)
    if rest in _SIDED:
        return _SIDED[rest].replace("left", side)
    finger = _FINGER.get(rest) or _FINGER.get(rest.removeprefix("hand"))
    return f"{side}_hand_{finger}" if finger else None


def _side(point: str) -> tuple[str, str]:
    """("left", "right" or "", the rest of the name without marks and capitals)."""
    words = _words(point)
    for k, word in enumerate(words):
        if word in _SIDES and k in (0, len(words) - 1):
            return _SIDES[word], "".join(words[:k] + words[k + 1 :])
    return "", "".join(words)


def nose_of_face(points: Sequence[Point]) -> int | None:
    """Index of the tip of the nose in MediaPipe's face mesh among `points`, or None if the file lacks it."""
    return next((k for k, point in enumerate(points) if point == ("FACE_LANDMARKS", "1")), None)


_OPENPOSE_BODY = (
    "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist MidHip RHip RKnee RAnkle LHip LKnee LAnkle REye LEye "
    "REar LEar LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel"
)


def writing_names(skeleton: Skeleton, dims: int) -> dict[str, Point]:
    """Our joint -> (component, point) to write it as.

    OpenPose's names for BODY25_HANDS, MediaPipe's for 2D poses on MEDIAPIPE_75 (dims 2), our own for all others.
    """
    if skeleton == BODY25_HANDS:
        body, hands, hand = "pose_keypoints_2d", "hand_{}_keypoints_2d", _HAND_NAMES[0].upper().split()
        names = {joint: (body, theirs) for joint, theirs in zip(skeleton.joints, _OPENPOSE_BODY.split(), strict=False)}
    elif skeleton == MEDIAPIPE_75 and dims == 2:
        hands, hand = "{}_HAND_LANDMARKS", _HAND_NAMES[1].upper().split()
        names = {joint: ("POSE_LANDMARKS", joint.upper()) for joint in skeleton.joints[:33]}
    else:
        return {joint: (skeleton.name, joint) for joint in skeleton.joints}
    for side in ("left", "right"):
        component = hands.format(side if skeleton == BODY25_HANDS else side.upper())
        names |= {f"{side}_hand_{ours}": (component, theirs) for ours, theirs in zip(_HAND, hand, strict=True)}
    return names
