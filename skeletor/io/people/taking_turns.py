"""Who signs when: of several people in a recording the one whose hands are up and move, who may change.

Somebody signs where a wrist is up and moves (`activity`). Between two people it changes where another one signs so much
more that it pays for a change (`_path`, the best of all sequences of people at a fixed price of a change): a gesture in
between, a nod or a scratch does not. Who signs only while another one does (an interpreter's speaker, two who sign side
by side) takes no turns: there the one whose hands move most stays, as `skeletor.io.people` has it.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from skeletor.io.people.crowd import People
from skeletor.io.people.signer import follow, select, side_of, size_of
from skeletor.poses.absent import runs
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.skeleton import Skeleton
from skeletor.poses.turns import Turn, with_turns
from skeletor.support.progress import log

LAG = 0.2  # seconds over which a speed is measured
SLOW, FAST = 0.5, 2.0  # shoulder widths a second: below the one nothing moves, above the other it counts as much
GAP = 0.5  # seconds for which a wrist that is not seen moves on a straight line
LOW = 1.2  # shoulder widths below the shoulders: no hand signs there
CHANGE = 0.5  # seconds of full activity that a change of the signer costs
AROUND = 1.0  # seconds: who signs before and behind a moment signs in it, too
SIGNS = 0.2  # mean activity in that time
ALONE = 0.4  # of what somebody signs, while the main signer does not
SHORTEST = 1.0  # seconds of full activity that somebody signs so at least, to be a signer
SIMILAR = 0.4  # size, in that of the main signer
_HANDS = (("left_wrist", "left_hand_root"), ("right_wrist", "right_hand_root"))
_SHOULDERS = ("left_shoulder", "right_shoulder")


def by_turns(people: People) -> PoseSequence:
    """In each frame the one who signs, (T, J, D), with the record of the turns (`skeletor.poses.turns`).

    The log tells them. Where one person alone signs, or the skeleton names no shoulders and wrists, this is `select`.
    """
    named = set(_SHOULDERS) <= set(people.skeleton.joints) and _hands(people.skeleton)
    if not len(people) or people.count < 2 or not named:
        return select(people)
    tracks = follow(people)  # (T, N)
    turns, chosen = find_turns(people, tracks)
    if len(chosen) < 2:
        return select(people)
    places = np.concatenate([tracks[turn.start : turn.stop, chosen[turn.signer - 1]] for turn in turns])
    middles = np.array([_middle(people, tracks[:, n]) for n in chosen])
    where = [side_of(x, np.delete(middles, k)) for k, x in enumerate(middles)]
    config = {"rule": "by_turns", "people": people.count, "frames": int((places >= 0).sum()), "signing": len(chosen)}
    pose = people.person(places).replace(stage=StageRecord("signer", config=config))
    frames = [sum(turn.stop - turn.start for turn in turns if turn.signer == k + 1) for k in range(len(chosen))]
    who = [f"signer {k + 1} {where[k]} for {frames[k] / people.fps:.1f} s" for k in range(len(chosen))]
    source = people.provenance.source or "poses"
    log.info("%s: up to %d people; %s, in %d turns", source, people.count, ", ".join(who), len(turns))
    return with_turns(pose, turns, where)


def find_turns(people: People, tracks: np.ndarray) -> tuple[list[Turn], list[int]]:
    """Turns that cover the recording, and the track of each signer, in order of their first turn.

    tracks: (T, N) as `follow` gives them. One signer or none: no turns that are worth the name.
    """
    sizes = [size_of(people, places) for places in tracks.T]
    active = np.stack([activity(people, places) for places in tracks.T])  # (N, T)
    window = max(1, round(AROUND * people.fps))
    main = int((active.sum(1) * sizes).argmax())  # of who moves alike the nearer one, as in `choose_signer`
    free = _mean(active[main], window) <= SIGNS
    able = [main, *(n for n in range(len(active)) if n != main and sizes[n] >= SIMILAR * sizes[main])]
    takers = [n for n in able if n == main or _takes_turns(active[n], free, people.fps)]
    path = _path(active[takers], CHANGE * people.fps)
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    stretches = [(start, stop, takers[path[start]]) for start, stop in pairwise(edges) if stop > start]
    order = list(dict.fromkeys(track for *_, track in stretches))
    cuts = [_between(active[a], active[b], start, stop, end)
            for (start, stop, a), (_, end, b) in pairwise(stretches)]  # fmt: skip
    starts = [0, *cuts]
    turns = [Turn(start, stop, order.index(track) + 1)
             for start, stop, (*_, track) in zip(starts, [*cuts, len(path)], stretches, strict=True)]  # fmt: skip
    return turns, order


def activity(people: People, places: np.ndarray) -> np.ndarray:
    """(T,) from 0 to 1: how much a track signs. A wrist counts by its speed against the shoulders, where it is up.

    Lengths are in the person's own shoulder widths, times in seconds. 0 where the person is not there.
    """
    joints = people.skeleton
    pose = people.person(places).keypoints[..., :2].astype(np.float64)
    shoulders = [pose[:, joints.index(name)] for name in _SHOULDERS]
    widths = np.linalg.norm(shoulders[0] - shoulders[1], axis=1)
    found = np.zeros(len(pose))
    if not np.isfinite(widths).any() or not (width := float(np.nanmedian(widths))) > 0:
        return found
    middle = (shoulders[0] + shoulders[1]) / 2
    half = LAG * people.fps / 2
    for names in _hands(joints):
        wrist = np.full_like(middle, np.nan)
        for name in reversed(names):  # the body's wrist first
            point = pose[:, joints.index(name)]
            wrist = np.where(np.isfinite(point), point, wrist)
        wrist, speed = _line((wrist - middle) / width, half, GAP * people.fps)
        up = wrist[:, 1] < LOW  # y points down; NaN is not up
        found += np.where(up, np.clip((speed * people.fps - SLOW) / (FAST - SLOW), 0, 1), 0)
    return np.minimum(found, 1)


def _line(points: np.ndarray, half: float, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """(T, 2) points on straight lines through the frames between in which they are seen, NaN where these are more than
    `gap` frames apart; and (T,) how far they go in a frame, over `half` a frame or more to both sides."""
    times = np.arange(len(points), dtype=float)
    seen = np.flatnonzero(np.isfinite(points[:, 0]))
    if len(seen) < 2:
        return points, np.zeros(len(points))

    def at(when: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(when, seen, points[seen, axis]) for axis in (0, 1)], 1)

    first, last = np.maximum(times - half, seen[0]), np.minimum(times + half, seen[-1])
    speed: np.ndarray = np.linalg.norm(at(last) - at(first), axis=1) / np.maximum(last - first, 1)
    after = np.minimum(np.searchsorted(seen, times), len(seen) - 1)
    before = np.maximum(np.searchsorted(seen, times, "right") - 1, 0)
    near = (seen[after] >= times) & (seen[before] <= times) & (seen[after] - seen[before] <= gap)
    return np.where(near[:, None], at(times), np.nan), speed


def _takes_turns(own: np.ndarray, free: np.ndarray, fps: float) -> bool:
    """Whether somebody signs while the main signer does not: for a while, and not only now and then.

    own: (T,) activity. free: (T,) bool, the main signer does not sign.
    """
    alone = float(own[free].sum())
    return alone >= SHORTEST * fps and alone >= ALONE * float(own.sum())


def _path(active: np.ndarray, price: float) -> np.ndarray:
    """(T,) the row of (N, T) that is taken in each frame: most activity in all, less `price` for each change."""
    count, frames = active.shape
    value = active[:, 0].copy()
    before = np.zeros((frames, count), np.int32)
    for t in range(1, frames):
        best = int(value.argmax())
        stay = value >= value[best] - price
        before[t] = np.where(stay, np.arange(count), best)
        value = np.where(stay, value, value[best] - price) + active[:, t]
    path = np.empty(frames, np.int32)
    path[-1] = value.argmax()
    for t in range(frames - 1, 0, -1):
        path[t - 1] = before[t, path[t]]
    return path


def _between(a: np.ndarray, b: np.ndarray, start: int, cut: int, stop: int) -> int:
    """The frame of the cut from one signer (frames start to cut) to the next (cut to stop).

    In the middle of the time in which neither does anything around it.
    """
    last = np.flatnonzero(a[start:cut] > 0)
    first = np.flatnonzero(b[cut:stop] > 0)
    begin = start + int(last[-1]) + 1 if len(last) else cut
    end = cut + int(first[0]) if len(first) else cut
    still = runs(np.asarray(np.maximum(a, b)[begin:end] == 0)) if begin < end else []
    if not still:
        return cut
    left, right = max(still, key=lambda run: run[1] - run[0])
    return begin + (left + right) // 2


def _mean(values: np.ndarray, window: int) -> np.ndarray:
    """(T,) means over a window around each frame, 0 beyond the ends."""
    means: np.ndarray = np.convolve(values, np.full(window, 1 / window), "full")[window // 2 :][: len(values)]
    return means


def _middle(people: People, places: np.ndarray) -> float:
    """Median x of a track's shoulders."""
    there = np.flatnonzero(places >= 0)
    x = people.keypoints[there, places[there]][:, [people.skeleton.index(name) for name in _SHOULDERS], 0]
    return float(np.nanmedian(x)) if np.isfinite(x).any() else 0.0


def _hands(skeleton: Skeleton) -> list[tuple[str, ...]]:
    """Of each hand the names of its wrist that the skeleton has."""
    named = [tuple(name for name in names if name in skeleton.joints) for names in _HANDS]
    return [names for names in named if names]
