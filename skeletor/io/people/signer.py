"""The choice of the signer among several people: whose hands move most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skeletor.io.people.crowd import People
from skeletor.io.people.tracking import follow_bodies, steady_joints
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.skeleton import Skeleton
from skeletor.support.progress import log

ALSO = 0.4


# Takes everybody, gives for each frame the place of the signer, (T,) int, -1 where the signer is not there.
SignerChoice = Callable[[People], np.ndarray]
# Takes everybody, gives the signer's pose sequence: `select`, or `skeletor.io.people.by_turns`.
Take = Callable[[People], PoseSequence]


@dataclass(frozen=True)
class Choice:
    """places: (T,) of the signer, -1 where absent. signing: how many people sign. side: where the chosen one is."""

    places: np.ndarray
    signing: int
    side: str


def select(people: People, choose: SignerChoice | None = None) -> PoseSequence:
    """The signer's pose sequence (T, J, D), by `choose` (default `largest_moving_hands`).

    The choice is logged and kept in the provenance (stage "signer"), with a warning if more than one person signs.
    Without anybody all frames are missing.
    """
    if people.count == 0:
        return people.person(np.full(len(people), -1))
    if people.count == 1 and choose is None:
        return people.person(np.zeros(len(people), int))
    choice = Choice(choose(people), 1, "") if choose else choose_signer(people)
    name = getattr(choose or largest_moving_hands, "__name__", type(choose).__name__)
    found = int((choice.places >= 0).sum())
    source = people.provenance.source or "poses"
    log.info(
        "%s: up to %d people; the signer (rule %s) is there in %d of %d frames",
        source,
        people.count,
        name,
        found,
        len(people),
    )
    config = {"rule": name, "people": people.count, "frames": found}
    if choice.signing > 1:
        config |= {"signing": choice.signing, "taken": choice.side}
        log.warning(f"{source}: {choice.signing} people sign; the one {choice.side}, whose hands move most, is taken")
    return people.person(choice.places).replace(stage=StageRecord("signer", config=config))


def largest_moving_hands(people: People) -> np.ndarray:
    """(T,) place of the person whose hands travel farthest in all, in the coordinates' unit; -1 where absent.

    See `choose_signer`.
    """
    return choose_signer(people).places


def choose_signer(people: People) -> Choice:
    """The person whose hands travel farthest in all, in the coordinates' unit, and who else signs.

    People are first followed from frame to frame (`follow`). The travel of a track is the sum, over neighbouring
    frames in which a joint of an arm or hand is seen, of the mean step of these joints against the body's, so that
    who walks past does not sign; a step longer than the person's own shoulder width counts as that width, so that
    mistaken detections do not win. Someone nearer to the camera therefore wins over someone farther away who moves
    alike. A tie goes to the larger, then the earlier person. Who moves the hands at least `ALSO` times as far as
    the chosen one, in own shoulder widths, signs too.
    """
    tracks = follow(people)  # (T, N)
    travels, sizes, middles = np.array([_travel(people, places) for places in tracks.T]).T  # (N,) each
    best = max(range(len(travels)), key=lambda n: (travels[n], sizes[n], -n))
    own = travels / np.maximum(sizes, 1e-6)
    signing = np.flatnonzero((own >= ALSO * own[best]) & (own > 1))
    others = [n for n in signing if n != best]
    return Choice(tracks[:, best], 1 + len(others), side_of(middles[best], middles[others]))


def follow(people: People) -> np.ndarray:
    """(T, N) place of each of N tracks, -1 where a track is not there; see `tracking.follow_bodies`."""
    return follow_bodies(people.keypoints, people.skeleton)


def _travel(people: People, places: np.ndarray) -> tuple[float, float, float]:
    """How far a track's hands travel, its size (about a shoulder width), and its median x."""
    there = np.flatnonzero(places >= 0)
    points = people.keypoints[there, places[there]]  # (T', J, D)
    size = _size(points)
    step = np.diff(points, axis=0)  # (T'-1, J, D)
    step[np.diff(there) > 1] = np.nan
    hands = _moving_joints(people.skeleton)
    body = [k for k in steady_joints(people.skeleton) if k not in hands]
    if body:
        shift = np.ma.median(np.ma.masked_invalid(step[:, body]), axis=1).filled(0)  # (T'-1, D)
        step -= shift[:, None]
    length = np.linalg.norm(step[:, hands], axis=2)  # (T'-1, K)
    seen = np.isfinite(length)
    mean = np.where(seen, np.minimum(length, size), 0).sum(1) / np.maximum(seen.sum(1), 1)
    x = points[..., 0]
    return float(mean.sum()), size, float(np.median(x[np.isfinite(x)])) if np.isfinite(x).any() else 0.0


def side_of(x: float, others: np.ndarray) -> str:
    """Where in the picture somebody is, among others."""
    if (others > x).all():
        return "at the left"
    return "at the right" if (others < x).all() else "in the middle"


def size_of(people: People, places: np.ndarray) -> float:
    """The size of a track, about a shoulder width in the units of the joints; 0 if nobody is seen in it.

    places: (T,) int as of `People.person`.
    """
    there = np.flatnonzero(places >= 0)
    return _size(people.keypoints[there, places[there]])


def _moving_joints(skeleton: Skeleton) -> list[int]:
    """Wrists and hand joints, or all joints of a skeleton without such names."""
    hands = [k for k, joint in enumerate(skeleton.joints) if "hand" in joint.lower() or "wrist" in joint.lower()]
    return hands or list(range(len(skeleton)))


def _size(keypoints: np.ndarray) -> float:
    """A person's size: a quarter of the median extent of the seen joints over frames, about a shoulder width."""
    points = np.ma.masked_invalid(keypoints)  # (T, J, D)
    extents = np.ma.ptp(points, axis=1).max(1).compressed()  # (T',)
    return float(np.median(extents)) / 4 if len(extents) else 0.0
