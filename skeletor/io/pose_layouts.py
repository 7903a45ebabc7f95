"""How the joints of well-known `.pose` files are called, and what we call them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skeletor.skeleton import BODY25_HANDS, MEDIAPIPE_75, SKELETONS, Skeleton

# A point of a .pose file: the component's name and the point's name.
Point = tuple[str, str]

_OPENPOSE_BODY = (
    "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist MidHip RHip RKnee RAnkle LHip LKnee LAnkle REye LEye "
    "REar LEar LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel"
)
_OPENPOSE_HAND = (
    "BASE T_STT T_BCMC T_MCP T_IP I_CMC I_MCP I_PIP I_DIP M_CMC M_MCP M_PIP M_DIP R_CMC R_MCP R_PIP R_DIP "
    "P_CMC P_MCP P_PIP P_DIP"
)
_HAND_135 = (
    "Thumb1CMC Thumb2Knuckles Thumb3IP Thumb4FingerTip Index1Knuckles Index2PIP Index3DIP Index4FingerTip "
    "Middle1Knuckles Middle2PIP Middle3DIP Middle4FingerTip Ring1Knuckles Ring2PIP Ring3DIP Ring4FingerTip "
    "Pinky1Knuckles Pinky2PIP Pinky3DIP Pinky4FingerTip"
)
_MEDIAPIPE_HAND = (
    "WRIST THUMB_CMC THUMB_MCP THUMB_IP THUMB_TIP INDEX_FINGER_MCP INDEX_FINGER_PIP INDEX_FINGER_DIP "
    "INDEX_FINGER_TIP MIDDLE_FINGER_MCP MIDDLE_FINGER_PIP MIDDLE_FINGER_DIP MIDDLE_FINGER_TIP RING_FINGER_MCP "
    "RING_FINGER_PIP RING_FINGER_DIP RING_FINGER_TIP PINKY_MCP PINKY_PIP PINKY_DIP PINKY_TIP"
)
_LEFT, _RIGHT = BODY25_HANDS.joints[25:46], BODY25_HANDS.joints[46:67]


@dataclass(frozen=True)
class Layout:
    """A known kind of `.pose` file.

    names: our joint -> the file's point. dims: number of coordinates to keep (2 where the file's depth is not
    one common space). estimator: who writes such files.
    """

    skeleton: Skeleton
    names: dict[str, Point]
    estimator: str
    dims: int = 3


def _openpose_137() -> dict[str, Point]:
    names = {
        ours: ("pose_keypoints_2d", theirs)
        for ours, theirs in zip(BODY25_HANDS.joints, _OPENPOSE_BODY.split(), strict=False)
    }
    for side, joints in (("left", _LEFT), ("right", _RIGHT)):
        names |= {
            ours: (f"hand_{side}_keypoints_2d", t) for ours, t in zip(joints, _OPENPOSE_HAND.split(), strict=True)
        }
    return names


def _openpose_135() -> dict[str, Point]:
    # BODY_135 has no neck and no mid-hip (we take the mean of both sides), and a hand's root is the wrist.
    body = zip(BODY25_HANDS.joints, _OPENPOSE_BODY.split(), strict=False)
    names = {ours: ("BODY_135", theirs) for ours, theirs in body if theirs not in ("Neck", "MidHip")}
    for letter, joints in (("L", _LEFT), ("R", _RIGHT)):
        theirs = ["Wrist", *_HAND_135.split()]
        names |= {ours: ("BODY_135", letter + t) for ours, t in zip(joints, theirs, strict=True)}
    return names


def _holistic() -> dict[str, Point]:
    names = {joint: ("POSE_LANDMARKS", joint.upper()) for joint in MEDIAPIPE_75.joints[:33]}
    for side, joints in (("LEFT", _LEFT), ("RIGHT", _RIGHT)):
        names |= {ours: (f"{side}_HAND_LANDMARKS", t) for ours, t in zip(joints, _MEDIAPIPE_HAND.split(), strict=True)}
    return names


OPENPOSE_137 = Layout(BODY25_HANDS, _openpose_137(), "openpose")
OPENPOSE_135 = Layout(BODY25_HANDS, _openpose_135(), "openpose")
# MediaPipe measures a hand's depth from its wrist and the body's from the hips: no common space, so it is dropped.
HOLISTIC = Layout(MEDIAPIPE_75, _holistic(), "mediapipe", dims=2)
OURS = tuple(Layout(s, {joint: (s.name, joint) for joint in s.joints}, "") for s in SKELETONS.values())
LAYOUTS = (OPENPOSE_137, OPENPOSE_135, HOLISTIC, *OURS)


def find_layout(points: Sequence[Point]) -> Layout | None:
    """The layout whose body these points show (at least nose and both shoulders), or None."""
    there = set(points)
    for layout in LAYOUTS:
        if all(layout.names[joint] in there for joint in ("nose", "left_shoulder", "right_shoulder")):
            return layout
    return None


def writing_layout(skeleton: Skeleton, dims: int) -> Layout:
    """The layout to write a skeleton in: the one that other tools know, where it holds all of the pose."""
    for layout in (OPENPOSE_137, HOLISTIC):
        if layout.skeleton == skeleton and dims <= layout.dims:
            return layout
    return Layout(skeleton, {joint: (skeleton.name, joint) for joint in skeleton.joints}, "")
