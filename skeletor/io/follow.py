"""People followed from frame to frame: who is who, through gaps, changing order and part of a body out of sight."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from skeletor.skeleton import Skeleton

REACH = 0.6  # of a body's extent, from one frame to the next
REACH_PER_FRAME = 0.04  # more for every frame in which nobody was there
FARTHEST = 1.5
SIZES = 2.5  # a person does not grow or shrink by more, from one sight to the next
LOST = 1e6  # cost of what cannot be
_PARTS = ("nose", "neck", "shoulder", "hip", "eye", "ear", "elbow")
MOST_TRACKS = 1000  # that are joined: the longest ones
_EDGE = 5  # frames at an end of a track that say where it ends


def steady_joints(skeleton: Skeleton) -> list[int]:
    """Joints that tell where a body is: no hands, which come and go; all joints if the names do not tell."""
    steady = [k for k, j in enumerate(skeleton.joints) if "hand" not in j and j.split("_")[-1] in _PARTS]
    return steady if len(steady) >= 3 else list(range(len(skeleton)))


@dataclass
class _Track:
    """One person's places so far; last: (K, 2) where each joint was last seen; size: extent of the body."""

    frames: list[int]
    places: list[int]
    last: np.ndarray
    size: float
    ends: tuple[np.ndarray, np.ndarray] = field(default=(np.zeros(0), np.zeros(0)))

    def add(self, frame: int, place: int, points: np.ndarray, size: float) -> None:
        self.frames.append(frame)
        self.places.append(place)
        seen = np.isfinite(points[:, 0])
        self.last[seen] = points[seen]
        if size > 0.5 * self.size:  # not of a body that is half out of sight
            self.size += 0.2 * (size - self.size)


def follow(keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(T, N) place of each of N tracks among the P people of each frame, -1 where a track is not there.

    keypoints: (T, P, J, D), NaN where missing. In each frame all people are assigned at once (Hungarian algorithm)
    to the tracks whose joints were last seen nearest, by the median distance of the joints that both show, and by
    size; a track waits through gaps. Tracks that follow one another at one place, alike in size, are joined.
    """
    flat = keypoints[..., :2]
    body = steady_joints(skeleton)
    if not np.isfinite(flat[:, :, body, 0]).any():  # nothing but hands: go by them
        body = list(range(len(skeleton)))
    there = np.isfinite(flat[..., 0]).any(2)  # (T, P)
    tracks: list[_Track] = []
    for t in np.flatnonzero(there.any(1)):
        present = np.flatnonzero(there[t])
        people = np.asarray(flat[t, present], np.float64)  # (P', J, 2)
        _assign(tracks, int(t), present, people[:, body], people)
    tracks = _join(tracks, flat, body)
    table = np.full((len(flat), max(len(tracks), 1)), -1, np.int32)
    for n, track in enumerate(tracks):
        table[track.frames, n] = track.places
    return table


def _assign(tracks: list[_Track], t: int, present: np.ndarray, bodies: np.ndarray, people: np.ndarray) -> None:
    """Give a frame's people to the tracks, or new tracks to them."""
    from scipy.optimize import linear_sum_assignment  # takes half as long to load as all of `slt.estimate` otherwise

    without = ~np.isfinite(bodies[..., 0]).any(1)  # only hands or feet are seen: they stand for the body
    bodies = np.where(without[:, None, None], np.nan, bodies)
    centres = _centres(people)
    bodies[without] = centres[without][:, None]
    sizes = np.where(without, 0, _extents(bodies))
    left = np.ones(len(present), bool)
    live = [track for track in tracks if t - track.frames[-1] < 250] if len(tracks) > 50 else tracks
    if live:
        cost = _costs(live, t, bodies, sizes)
        for n, k in zip(*linear_sum_assignment(cost), strict=True):
            if cost[n, k] < LOST:
                live[n].add(t, int(present[k]), bodies[k], float(sizes[k]))
                left[k] = False
    for k in np.flatnonzero(left):
        tracks.append(
            _Track([t], [int(present[k])], bodies[k].copy(), float(sizes[k] or _extents(people[k : k + 1])[0]))
        )


def _costs(tracks: list[_Track], t: int, bodies: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(N, P) distance in body extents and in size of tracks and people; LOST where it cannot be the same person."""
    last = np.stack([track.last for track in tracks])  # (N, K, 2)
    extent = np.array([track.size for track in tracks])
    gap = np.array([t - track.frames[-1] for track in tracks])
    apart = _median_distance(last, bodies)  # (N, P)
    scale = np.maximum(np.maximum(extent[:, None], sizes[None]), 1e-6)
    ratio = np.abs(np.log(np.maximum(sizes[None], 1e-6) / np.maximum(extent[:, None], 1e-6)))
    # Of a body half out of sight the size says nothing.
    ratio = np.where((sizes[None] > 0.5 * extent[:, None]) & (extent[:, None] > 0), ratio, 0.0)
    reach = np.minimum(REACH + REACH_PER_FRAME * (gap - 1), FARTHEST)[:, None]
    near = apart / scale
    return np.where((near <= reach) & (ratio <= np.log(SIZES)), near + 0.3 * ratio, LOST)


def _median_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, P) median distance of the joints that (N, K, 2) and (P, K, 2) both have; of their centres if none."""
    distance = np.linalg.norm(a[:, None] - b[None], axis=3)  # (N, P, K)
    middle = np.linalg.norm(_centres(a)[:, None] - _centres(b)[None], axis=2)
    none = ~np.isfinite(distance).any(2)
    distance[none] = middle[none][:, None]
    median: np.ndarray = np.nanmedian(distance, axis=2)
    return median


def _centres(points: np.ndarray) -> np.ndarray:
    """(..., 2) medians of the seen points of (..., K, 2); 0 where there is none."""
    return np.ma.median(np.ma.masked_invalid(points), axis=-2).filled(0)


def _extents(points: np.ndarray) -> np.ndarray:
    """(P,) larger side of the box around the seen points of (P, K, 2)."""
    return np.asarray(np.ma.ptp(np.ma.masked_invalid(points), axis=1).max(1).filled(0))


def _join(tracks: list[_Track], flat: np.ndarray, body: list[int]) -> list[_Track]:
    """Tracks that follow one another at the same place and size as one: each end goes to the best beginning."""
    from scipy.optimize import linear_sum_assignment

    tracks = sorted(tracks, key=lambda track: -len(track.frames))[:MOST_TRACKS]
    tracks.sort(key=lambda track: track.frames[0])
    while len(tracks) > 1:
        first = np.stack([_edge(track, flat, body, slice(0, _EDGE)) for track in tracks])
        last = np.stack([_edge(track, flat, body, slice(-_EDGE, None)) for track in tracks])
        size = np.array([track.size for track in tracks])
        gap = np.array([b.frames[0] for b in tracks])[None] - np.array([a.frames[-1] for a in tracks])[:, None]
        scale = np.maximum(np.maximum(size[:, None], size[None]), 1e-6)
        near = np.linalg.norm(last[:, None] - first[None], axis=3)
        near = np.nan_to_num(np.nanmedian(np.where(np.isfinite(near).any(2, keepdims=True), near, 0), axis=2)) / scale
        unknown = ~np.isfinite(last[:, None] + first[None]).any((2, 3))
        ratio = np.abs(np.log(np.maximum(size[:, None], 1e-6) / np.maximum(size[None], 1e-6)))
        may = (gap > 0) & ~unknown & (near <= np.minimum(REACH + REACH_PER_FRAME * gap, FARTHEST))
        cost = np.where(may & (ratio <= np.log(SIZES)), near + 0.3 * ratio + 0.001 * gap, LOST)
        pairs = [(a, b) for a, b in zip(*linear_sum_assignment(cost), strict=True) if cost[a, b] < LOST]
        if not pairs:
            break
        tracks = _chained(tracks, dict(pairs))
    return tracks


def _chained(tracks: list[_Track], after: dict[int, int]) -> list[_Track]:
    """The tracks, each followed by the one that `after` names."""
    joined = []
    for start in sorted(set(range(len(tracks))) - set(after.values())):
        whole = tracks[start]
        n = start
        while n in after:
            n = after[n]
            whole.frames += tracks[n].frames
            whole.places += tracks[n].places
            whole.size = max(whole.size, tracks[n].size)
        joined.append(whole)
    return joined


def _edge(track: _Track, flat: np.ndarray, body: list[int], part: slice) -> np.ndarray:
    """(K, 2) where the joints are at an end of a track."""
    points = flat[track.frames[part], track.places[part]][:, body]  # (n, K, 2)
    return np.asarray(np.ma.median(np.ma.masked_invalid(points.astype(np.float64)), axis=0).filled(np.nan))
