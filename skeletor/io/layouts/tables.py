"""Tables of the field's layouts: the order of their points, and our names of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from skeletor.poses.skeleton import BODY25_HANDS, MEDIAPIPE_75, SIGNING_50, Skeleton
from skeletor.support.errors import InputError

# Our joint at each place of a list; None for what we have no joint for (faces, the top of the head).
Order = tuple[str | None, ...]

_BODY_25: Order = BODY25_HANDS.joints[:25]
_LEFT, _RIGHT = BODY25_HANDS.joints[25:46], BODY25_HANDS.joints[46:67]
_MEDIAPIPE = MEDIAPIPE_75.joints[:33]


def _both(*joints: str) -> tuple[str, ...]:
    return tuple(f"{side}_{joint}" for joint in joints for side in ("left", "right"))


def _sides(*joints: str) -> tuple[str, ...]:
    return tuple(f"{side}_{joint}" for side in ("left", "right") for joint in joints)


def _nothing(count: int) -> Order:
    return (None,) * count


_COCO_17: Order = ("nose", *_both("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"))
_COCO_18: Order = (*_BODY_25[:8], *_BODY_25[9:19])
_COCO_18_LEFT_FIRST: Order = (
    "nose", "neck", *_sides("shoulder", "elbow", "wrist"), *_sides("hip", "knee", "ankle"), *_both("eye", "ear")
)  # fmt: skip
_COCO_23: Order = (*_COCO_17, *_sides("big_toe", "small_toe", "heel"))
# The neck of BODY_25B is the upper one, below the chin; ours lies between the shoulders.
_BODY_25B: Order = (*_COCO_17, *_nothing(2), *_sides("big_toe", "small_toe", "heel"))
_HALPE_26: Order = (*_COCO_17, None, "neck", "mid_hip", *_both("big_toe", "small_toe", "heel"))
_MPI_15: Order = (None, *_BODY_25[1:8], *_BODY_25[9:15], None)
_HUMAN36M_17: Order = (
    "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", None, "neck", None,
    None, "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """A known order of points.

    order: our joint, or None, at each place. skeleton: ours that holds them. estimator: who gives such points.
    dims: number of coordinates to keep (2 where the depths are not of one common space).
    """

    name: str
    order: Order
    skeleton: Skeleton = BODY25_HANDS
    estimator: str = ""
    dims: int = 3

    def __len__(self) -> int:
        return len(self.order)

    @property
    def columns(self) -> dict[str, int]:
        """Our joint -> its index in the list of points. A hand without a root of its own has it at the wrist."""
        found = {joint: place for place, joint in enumerate(self.order) if joint is not None}
        return with_roots(found)


def with_roots(columns: dict[str, int]) -> dict[str, int]:
    """The same columns, and a hand's root at its wrist if the hand has fingers but no root."""
    added = dict(columns)
    for side in ("left", "right"):
        root, wrist = f"{side}_hand_root", f"{side}_wrist"
        if root not in columns and wrist in columns and f"{side}_hand_index_1" in columns:
            added[root] = columns[wrist]
    return added


def _holistic(name: str, *parts: Order) -> Layout:
    # MediaPipe measures a hand's depth from its wrist and the body's from the hips: no common space.
    return Layout(name, tuple(joint for part in parts for joint in part), MEDIAPIPE_75, "mediapipe", 2)


_ALL = (
    Layout("body_25", _BODY_25, estimator="openpose"),
    Layout("body_25b", _BODY_25B, estimator="openpose"),
    Layout("body_135", (*_BODY_25B, *_LEFT[1:], *_RIGHT[1:], *_nothing(70)), estimator="openpose"),
    Layout("openpose_137", (*_BODY_25, *_nothing(70), *_LEFT, *_RIGHT), estimator="openpose"),
    Layout("body_19", _BODY_25[:19], estimator="openpose"),
    Layout("coco_18", _COCO_18, estimator="openpose"),
    Layout("coco_18_left_first", _COCO_18_LEFT_FIRST),
    Layout("coco_17_neck", (*_COCO_17, "neck")),
    Layout("coco_17", _COCO_17),
    Layout("human36m_17", _HUMAN36M_17),
    Layout("mpi_15", _MPI_15, estimator="openpose"),
    Layout("coco_23", _COCO_23),
    Layout("coco_wholebody_133", (*_COCO_23, *_nothing(68), *_LEFT, *_RIGHT)),
    Layout("halpe_26", _HALPE_26, estimator="alphapose"),
    Layout("halpe_136", (*_HALPE_26, *_nothing(68), *_LEFT, *_RIGHT), estimator="alphapose"),
    _holistic("mediapipe_33", _MEDIAPIPE),
    _holistic("mediapipe_75", _MEDIAPIPE, _LEFT, _RIGHT),
    _holistic("mediapipe_75_hands_first", _LEFT, _RIGHT, _MEDIAPIPE),
    _holistic("holistic_543", _MEDIAPIPE, _nothing(468), _LEFT, _RIGHT),
    _holistic("holistic_543_face_first", _nothing(468), _LEFT, _MEDIAPIPE, _RIGHT),
    _holistic("holistic_543_face_last", _MEDIAPIPE, _LEFT, _RIGHT, _nothing(468)),
    _holistic("holistic_553", _MEDIAPIPE, _nothing(478), _LEFT, _RIGHT),
    _holistic("holistic_576", _MEDIAPIPE, _nothing(468), _LEFT, _RIGHT, _nothing(33)),
    _holistic("holistic_586", _MEDIAPIPE, _nothing(478), _LEFT, _RIGHT, _nothing(33)),
    Layout("body25_hands", BODY25_HANDS.joints, estimator="openpose"),
    Layout("signing_50", SIGNING_50.joints, SIGNING_50),
)
LAYOUTS = MappingProxyType({layout.name: layout for layout in _ALL})


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


_BY_PLAIN_NAME = MappingProxyType({_plain(layout.name): layout for layout in _ALL})


def layout_named(name: str) -> Layout:
    """The layout of that name, in any spelling of `_` and capitals. InputError, with all names, if there is none."""
    if _plain(name) not in _BY_PLAIN_NAME:
        raise InputError(f"no layout is called {name!r}; {choices()}")
    return _BY_PLAIN_NAME[_plain(name)]


def layouts_of(count: int) -> list[Layout]:
    """The layouts of `count` points."""
    return [layout for layout in _ALL if len(layout) == count]


def choices(layouts: Sequence[Layout] = _ALL) -> str:
    """The advice of an error message where a layout has to be given: "give --skeleton NAME, one of ..."."""
    return f"give --skeleton NAME, one of {', '.join(layout.name for layout in layouts)}"
