"""Several people in one recording: who is the signer?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from skeletor.pose import PoseSequence, Provenance, StageRecord
from skeletor.progress import log
from skeletor.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class People:
    """Everybody an estimator found, frame by frame.

    keypoints: (T, P, J, D) float32, NaN where missing; confidence: (T, P, J). The P places of a frame are in the
    estimator's own order: the person in place 0 of one frame need not be the one in place 0 of the next.
    """

    keypoints: np.ndarray
    confidence: np.ndarray
    fps: float
    skeleton: Skeleton
    provenance: Provenance = field(default_factory=Provenance)

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def count(self) -> int:
        """The largest number of people in one frame."""
        return int(self.keypoints.shape[1])

    def person(self, places: np.ndarray) -> PoseSequence:
        """The pose sequence of the person who is in place `places[t]` of frame t; (T,) int, -1 for nowhere."""
        places = np.asarray(places)
        keypoints = np.full((len(self), *self.keypoints.shape[2:]), np.nan, np.float32)  # (T, J, D)
        confidence = np.zeros(keypoints.shape[:2], np.float32)  # (T, J)
        there = np.flatnonzero(places >= 0)
        keypoints[there] = self.keypoints[there, places[there]]
        confidence[there] = self.confidence[there, places[there]]
        return PoseSequence(keypoints, confidence, self.fps, self.skeleton, self.provenance)


# Takes everybody, gives for each frame the place of the signer, (T,) int, -1 where the signer is not there.
SignerChoice = Callable[[People], np.ndarray]


def select(people: People, choose: SignerChoice | None = None) -> PoseSequence:
    """The signer's pose sequence, by `choose` (default `largest_moving_hands`); the choice is logged."""
    if people.count == 0:
        return people.person(np.full(len(people), -1))
    if people.count == 1 and choose is None:
        return people.person(np.zeros(len(people), int))
    rule = choose or largest_moving_hands
    places = rule(people)
    name = getattr(rule, "__name__", type(rule).__name__)
    found = int((places >= 0).sum())
    log.info(
        "%s: up to %d people; the signer (rule %s) is there in %d of %d frames",
        people.provenance.source or "poses",
        people.count,
        name,
        found,
        len(people),
    )
    pose = people.person(places)
    return pose.replace(stage=StageRecord("signer", config={"rule": name, "people": people.count, "frames": found}))


def largest_moving_hands(people: People) -> np.ndarray:
    """(T,) place of the person whose hands travel farthest in all, in the coordinates' unit; -1 where absent.

    People are first followed from frame to frame (`follow`). The travel of a track is the sum, over neighbouring
    frames in which a joint of an arm or hand is seen, of the mean step of these joints; a step longer than the
    person's own shoulder width counts as that width, so that mistaken detections do not win. Someone nearer to
    the camera therefore wins over someone farther away who moves alike. A tie goes to the larger, then the
    earlier person.
    """
    tracks = follow(people)  # (T, N)
    hands = _moving_joints(people.skeleton)
    scores = []
    for places in tracks.T:
        pose = people.person(places)
        points = pose.keypoints[:, hands]  # (T, K, D)
        size = _size(pose.keypoints)
        steps = np.linalg.norm(np.diff(points, axis=0), axis=2)  # (T-1, K)
        seen = np.isfinite(steps)
        mean = np.where(seen, np.minimum(steps, size), 0).sum(1) / np.maximum(seen.sum(1), 1)  # (T-1,)
        scores.append((float(mean.sum()), size))
    best = max(range(len(scores)), key=lambda n: (scores[n], -n))
    return tracks[:, best]


def follow(people: People, reach: float = 0.75) -> np.ndarray:
    """(T, N) place of each of N tracks in each frame, -1 where a track is not there.

    A person goes on with the track whose last centre (median of the seen joints) is nearest, at most `reach`
    body extents away; all of a frame are assigned at once (Hungarian algorithm). Whoever is left over starts a
    track of their own.
    """
    from scipy.optimize import linear_sum_assignment  # takes half as long to load as all of `slt.estimate` otherwise

    frames, count = people.keypoints.shape[:2]
    seen = np.isfinite(people.keypoints[..., 0])  # (T, P, J)
    there = seen.any(2)  # (T, P)
    with np.errstate(all="ignore"):
        filled = np.ma.masked_invalid(people.keypoints[..., :2])
        centres = np.ma.median(filled, axis=2).filled(np.nan)  # (T, P, 2)
        spans = np.ma.ptp(filled, axis=2).filled(0).max(2)  # (T, P), a body's extent
    reach *= float(np.median(spans[there])) if there.any() else 1.0
    last_centre = np.zeros((0, 2))
    rows: list[np.ndarray] = []  # one (T,) row a track
    for t in range(frames):  # each frame depends on the one before
        present = np.flatnonzero(there[t])
        taken = np.zeros(count, bool)
        if len(rows) and len(present):
            cost = np.linalg.norm(last_centre[:, None] - centres[t, present][None], axis=2)  # (N, P')
            near = cost <= reach
            for track, k in zip(*linear_sum_assignment(np.where(near, cost, 1e9)), strict=True):
                if near[track, k]:
                    rows[track][t] = present[k]
                    last_centre[track] = centres[t, present[k]]
                    taken[present[k]] = True
        for place in present[~taken[present]]:
            rows.append(np.full(frames, -1))
            rows[-1][t] = place
            last_centre = np.concatenate([last_centre, centres[t, place][None]])
    return np.stack(rows, 1) if rows else np.full((frames, 1), -1)


def _moving_joints(skeleton: Skeleton) -> list[int]:
    """Wrists and hand joints, or all joints of a skeleton without such names."""
    hands = [k for k, joint in enumerate(skeleton.joints) if "hand" in joint.lower() or "wrist" in joint.lower()]
    return hands or list(range(len(skeleton)))


def _size(keypoints: np.ndarray) -> float:
    """A person's size: a quarter of the median extent of the seen joints over frames, about a shoulder width."""
    points = np.ma.masked_invalid(keypoints)  # (T, J, D)
    extents = np.ma.ptp(points, axis=1).max(1).compressed()  # (T',)
    return float(np.median(extents)) / 4 if len(extents) else 0.0
