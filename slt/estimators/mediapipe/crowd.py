"""Several people beside each other in a video: a strip of the picture for each, in which the tracker follows one.

MediaPipe's tracker follows one person; its detector finds several. It looks at the video every half second; who is
there often, and not much smaller than the others, has a strip of the picture, from the middle to the neighbour on the
left to the middle to the one on the right. Body and hands are then looked for in each strip as in a video of its own.
People who stand behind each other, change places or reach into the other's strip are not told apart so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np

from skeletor.io.people.tracking import follow_bodies
from skeletor.poses.skeleton import custom_skeleton
from skeletor.support.progress import log
from slt.estimators.mediapipe.bystanders import SIMILAR, Person, people_in
from slt.video import Video

WhoIsRead = Literal["one", "turns"]
WHO_IS_READ: tuple[WhoIsRead, ...] = get_args(WhoIsRead)
ABOUT = "turns: of people beside each other each is followed, and who signs is read; as many times the work"
EVERY = 0.5  # seconds between two looks
_OFTEN = 0.3  # share of the looks in which somebody has to be
_APART = 0.75  # distance of two neighbours, in distances between breastbone and hip of the larger


@dataclass(frozen=True)
class Strip:
    """Columns left <= x < right of the picture, in pixels."""

    left: int
    right: int

    def of(self, frames: Iterator[np.ndarray | None]) -> Iterator[np.ndarray | None]:
        """This part (H, right - left, 3) of each frame (H, W, 3); None for one that is not looked at."""
        for frame in frames:
            yield None if frame is None else np.ascontiguousarray(frame[:, self.left : self.right])


def find_strips(video: Video, look: Callable[[np.ndarray], list[Person]] | None = None) -> list[Strip]:
    """A strip for each person, from left to right; one that is the whole picture if there are not several.

    look: who is in a picture; default: MediaPipe's detector.
    """
    look = look or people_in
    seen = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"SymbolDatabase\.GetPrototype")
        for frame in video.every(max(1, round(EVERY * video.fps))):
            if frame is not None:
                seen.append(look(frame))
    strips = strips_of(seen, video.width)
    if len(strips) > 1:
        log.info(
            "%s: %d people beside each other, each followed in a strip of the picture", video.path.name, len(strips)
        )
    return strips


def strips_of(seen: list[list[Person]], width: int) -> list[Strip]:
    """Strips of a picture `width` pixels wide by who was seen in each look."""
    most = max(map(len, seen), default=0)
    points = np.full((len(seen), most, 2, 2), np.nan)  # (looks, people, hips and breast, 2)
    for k, people in enumerate(seen):
        for place, one in enumerate(people):
            points[k, place] = one.hips, one.breast
    there = [one for one in _often(points) if 0 <= one[0] < width] if most > 1 else []  # the detector guesses beyond
    while twice := [k for k, pair in enumerate(pairwise(there)) if not _apart(*pair)]:
        there.remove(min(there[twice[0] : twice[0] + 2], key=lambda one: one[1]))  # the smaller of the two
    cuts = [round(a + (b - a) * own / (own + next_)) for (a, own), (b, next_) in pairwise(there)]
    return [Strip(left, right) for left, right in pairwise([0, *cuts, width])]


def _often(points: np.ndarray) -> list[tuple[float, float]]:
    """(x of the breast, size) of those who are there often and not much smaller than others, from left to right."""
    tracks = follow_bodies(points, custom_skeleton(2))
    found = []
    for places in tracks.T:
        there = np.flatnonzero(places >= 0)
        if len(there) >= max(2, _OFTEN * len(points)):
            own = points[there, places[there]]  # (n, 2, 2)
            size = float(np.median(np.linalg.norm(own[:, 0] - own[:, 1], axis=1)))
            found.append((float(np.median(own[:, 1, 0])), size))
    largest = max((size for _, size in found), default=0.0)
    return sorted(one for one in found if one[1] >= SIMILAR * largest)


def _apart(a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Whether two neighbours are two people, and not one who was found twice."""
    return b[0] - a[0] > _APART * max(a[1], b[1])
