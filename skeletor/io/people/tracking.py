"""Tracking of people from frame to frame, through gaps, changing order and part of a body out of sight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skeletor.poses.skeleton import Skeleton

REACH = 0.6  # of a body's extent, from one frame to the next
REACH_PER_FRAME = 0.04  # more for every frame in which nobody was there
FARTHEST = 1.5
SIZES = 2.5  # a person does not grow or shrink by more, from one sight to the next
LOST = 1e6  # cost of what cannot be
_PARTS = ("nose", "neck", "shoulder", "hip", "eye", "ear", "elbow")
MOST_TRACKS = 300  # that are joined: the longest ones
_WAIT = 250  # frames that a track waits where there are many
_CHUNK = 1024  # frames at once
_EDGE = 5  # frames at an end of a track that say where it ends


def steady_joints(skeleton: Skeleton) -> list[int]:
    """Indices of the joints that tell where a body is: not those of hands, which come and go.

    All joints of the skeleton if fewer than three of them have a known name.
    """
    steady = [k for k, j in enumerate(skeleton.joints) if "hand" not in j and j.split("_")[-1] in _PARTS]
    return steady if len(steady) >= 3 else list(range(len(skeleton)))


@dataclass
class _Track:
    """One person's places so far; last: (K, 2) where each joint was last seen; size: extent of the body."""

    frames: list[int]
    places: list[int]
    last: np.ndarray
    size: float

    def add(self, frame: int, place: int, points: np.ndarray, size: float) -> None:
        self.frames.append(frame)
        self.places.append(place)
        seen = np.isfinite(points[:, 0])
        self.last[seen] = points[seen]
        if size > 0.5 * self.size:  # not of a body that is half out of sight
            self.size += 0.2 * (size - self.size)


def follow_bodies(keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(T, N) place of each of N tracks among the P people of each frame, -1 where a track is not there.

    keypoints: (T, P, J, D), NaN where missing. In each frame all people are assigned at once (Hungarian algorithm)
    to the tracks whose joints were last seen nearest, by the median distance of the joints that both show, and by
    size; a track waits through gaps. Tracks that follow one another at one place, alike in size, are joined.
    """
    flat = keypoints[..., :2]
    body = steady_joints(skeleton)
    if not np.isfinite(flat[:, :, body, 0]).any():  # nothing but hands: go by them
        body = list(range(len(skeleton)))
    tracks: list[_Track] = []
    for start in range(0, len(flat), _CHUNK):
        bodies, sizes, there = _bodies(np.asarray(flat[start : start + _CHUNK], np.float64), body)
        for t in np.flatnonzero(there.any(1)):
            present = np.flatnonzero(there[t])
            _assign(tracks, start + int(t), present, bodies[t, present], sizes[t, present])
    tracks = _join(tracks, flat, body)
    table = np.full((len(flat), max(len(tracks), 1)), -1, np.int32)
    for n, track in enumerate(tracks):
        table[track.frames, n] = track.places
    return table


def _bodies(points: np.ndarray, body: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the bodies of (T, P, J, 2) people are, (T, P, K, 2); their extents (T, P); and who is there (T, P).

    Where only hands or feet are seen, their middle stands for the body, and nothing is known of its extent.
    """
    there = np.isfinite(points[..., 0]).any(2)
    bodies = points[:, :, body].copy()
    without = there & ~np.isfinite(bodies[..., 0]).any(2)
    sizes = _extents(bodies)
    bodies[without] = _median(points[without], 1)[:, None]
    return bodies, sizes, there


def _assign(tracks: list[_Track], t: int, present: np.ndarray, bodies: np.ndarray, sizes: np.ndarray) -> None:
    """Give a frame's people to the tracks, or new tracks to them."""
    from scipy.optimize import (
        linear_sum_assignment,  # takes half as long to load as all of `slt.estimators.registry` otherwise
    )

    left = np.ones(len(present), bool)
    live = [track for track in tracks if t - track.frames[-1] < _WAIT] if len(tracks) > 50 else tracks
    if live:
        cost = _costs(live, t, bodies, sizes)
        for n, k in zip(*linear_sum_assignment(cost), strict=True):
            if cost[n, k] < LOST:
                live[n].add(t, int(present[k]), bodies[k], float(sizes[k]))
                left[k] = False
    for k in np.flatnonzero(left):
        tracks.append(_Track([t], [int(present[k])], bodies[k].copy(), float(sizes[k])))


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
    apart = _median(np.linalg.norm(a[:, None] - b[None], axis=3), 2)
    none = ~np.isfinite(apart)
    if none.any():
        apart[none] = np.linalg.norm(_median(a, 1)[:, None] - _median(b, 1)[None], axis=2)[none]
    distances: np.ndarray = np.nan_to_num(apart, nan=LOST)
    return distances


def _median(values: np.ndarray, axis: int) -> np.ndarray:
    """Median of the numbers along an axis, NaN where there is none. NumPy's own is slow for short axes."""
    ordered = np.sort(values, axis=axis)  # NaN comes last
    count = np.isfinite(values).sum(axis=axis, keepdims=True)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[axis] - 1)
    middle = (np.take_along_axis(ordered, low, axis) + np.take_along_axis(ordered, high, axis)) / 2
    found: np.ndarray = np.where(count > 0, middle, np.nan).squeeze(axis)
    return found


def _extents(points: np.ndarray) -> np.ndarray:
    """(...) larger side of the box around the seen points of (..., K, 2); 0 if there are none."""
    seen = np.isfinite(points)
    sides = np.where(seen, points, -np.inf).max(-2) - np.where(seen, points, np.inf).min(-2)
    extents: np.ndarray = np.maximum(sides, 0).max(-1)
    return extents


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
        near = _median_distance(last, first) / scale
        ratio = np.abs(np.log(np.maximum(size[:, None], 1e-6) / np.maximum(size[None], 1e-6)))
        may = (gap > 0) & (near <= np.minimum(REACH + REACH_PER_FRAME * gap, FARTHEST))
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
    points = np.asarray(flat[track.frames[part], track.places[part]], np.float64)  # (n, J, 2)
    return _median(_bodies(points[:, None], body)[0][:, 0], 0)
