"""`python -m experiments turns`: who signs in recordings of several people who sign in turns.

Composed of test clips of a finished demo run: two signers side by side, each with clips of their own, the silent one
idle or gesturing; in some a third person who never signs. The order of the people changes as an estimator's does, and
people drop out for moments. Some are videos, of which the estimator tells who is there. Who signs when is known.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from experiments.long.takes import FPS, Material, Piece, placed
from experiments.report import Result, markdown, write_result
from experiments.request import Request
from skeletor.io.people import People, by_turns, select
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import progress
from slt.estimators.mediapipe.crowd import WhoIsRead
from slt.estimators.mediapipe.estimator import MediaPipeOptions
from slt.estimators.registry import build_estimator
from slt.synthetic.build import video_path
from slt.synthetic.lift_clips import make_view
from slt.synthetic.signing.gestures import perform_gestures
from slt.synthetic.signing.motion import perform_idle
from slt.synthetic.signing.signers import SIGNERS, Signer
from slt.video import open_video, write_video

NEAR = 0.2  # seconds within which a change counts as found
ONE, TURNS = "one signer for all of it", "by turns"
NECK = SIGNING_50.index("neck")
_HEAD = ("", "right", "changes found", "error, median", "error, 90 %", "cuts")
_WAY = 8  # frames from idleness to a clip and back
_APART = 360.0  # pixels between two people of the size of the takes


class TurnsConfig(Config):
    """recordings: how many. videos: so many of them are filmed, too, with 4 turns of a clip. turns: in each. sentences:
    fewest and most of a turn. gap_s: seconds from the end of a clip to the next one's beginning, of somebody else;
    below 0 both are at work. pause_s: of the same person. gestures: share of the clips in which who does not sign
    gestures. third: share of the recordings with a third person. order: seconds after which the people's order changes,
    on average. lost: drop-outs of a person a minute, of lost_s seconds.
    """

    recordings: int = Field(16, ge=1)
    videos: int = Field(4, ge=0)
    turns: int = Field(8, ge=2)
    sentences: list[int] = Field(default_factory=lambda: [1, 3], min_length=2, max_length=2)
    gap_s: list[float] = Field(default_factory=lambda: [-0.3, 2.0], min_length=2, max_length=2)
    pause_s: list[float] = Field(default_factory=lambda: [0.2, 1.5], min_length=2, max_length=2)
    gestures: float = Field(0.3, ge=0, le=1)
    third: float = Field(0.5, ge=0, le=1)
    order: float = Field(0.5, gt=0)
    lost: float = Field(6, ge=0)
    lost_s: list[float] = Field(default_factory=lambda: [0.1, 1.0], min_length=2, max_length=2)
    seed: int = Field(1, ge=0)


@dataclass(frozen=True, eq=False)
class Spoken:
    """A recording. truth: (T,) number of who signs, -1 for nobody; person: (T, P) who is in each place, -1 for nobody.

    changes: (last frame of a signer's signing, first one of the next) of each change.
    """

    people: People
    truth: np.ndarray
    person: np.ndarray
    changes: list[tuple[int, int]]


def compose(
    pieces: Sequence[Sequence[Piece]], signers: Sequence[Signer], material: Material, config: TurnsConfig,
    rng: np.random.Generator,
) -> Spoken:  # fmt: skip
    """Two people (or three, of whom the last never signs) in one recording. pieces: of the two, used up in order."""
    plan, frames = _plan(pieces, config, rng)
    tracks, truth = [], np.full(frames, -1)
    for number, signer in enumerate(signers):
        points, confidence = _person(number, signer, plan, frames, material, config, rng)
        tracks.append((points * rng.uniform(0.85, 1.15) + [number * _APART, 0], confidence))
        for start, piece, who in plan:
            if who == number:
                truth[start + piece.signs[0][0] : start + piece.signs[-1][1]] = number
    changes = [
        (a + one.signs[-1][1], b + two.signs[0][0]) for (a, one, who), (b, two, then) in pairwise(plan) if who != then
    ]
    points, confidence = (np.stack([track[k] for track in tracks], 1) for k in (0, 1))  # (T, P, 50, ...)
    person = np.tile(np.arange(len(signers)), (frames, 1))
    for number in range(len(signers)):
        for _ in range(rng.poisson(config.lost * frames / FPS / 60)):
            start = int(rng.integers(frames))
            low, high = config.lost_s
            person[start : start + round(float(rng.uniform(low, high)) * FPS), number] = -1
    for start in np.flatnonzero(rng.random(frames) < 1 / (config.order * FPS)).tolist():
        person[start:] = person[start:][:, rng.permutation(len(signers))]
    rows = np.arange(frames)[:, None]
    gone = (person < 0)[..., None]
    keypoints = np.where(gone[..., None], np.nan, points[rows, person]).astype(np.float32)
    sure = np.where(gone | np.isnan(keypoints[..., 0]), 0, confidence[rows, person]).astype(np.float32)
    about = Provenance("turns", "", "mediapipe", units="pixel")
    return Spoken(People(keypoints, sure, FPS, SIGNING_50, about), truth, person, changes)


def _plan(
    pieces: Sequence[Sequence[Piece]], config: TurnsConfig, rng: np.random.Generator
) -> tuple[list[tuple[int, Piece, int]], int]:
    """(first frame, clip, who) in order, and the number of frames."""
    left = [list(own) for own in pieces]
    plan: list[tuple[int, Piece, int]] = []
    at = round(float(rng.uniform(1, 3)) * FPS)
    for turn in range(config.turns):
        who = turn % 2
        for k in range(int(rng.integers(config.sentences[0], config.sentences[1] + 1))):
            if not left[who]:
                break
            if plan:
                low, high = config.pause_s if k else config.gap_s
                at += round(float(rng.uniform(low, high)) * FPS)
            piece = left[who].pop(0)
            plan.append((at, piece, who))
            at += len(piece.pose)
    return plan, at + round(float(rng.uniform(1, 3)) * FPS)


def _person(
    number: int, signer: Signer, plan: Sequence[tuple[int, Piece, int]], frames: int, material: Material,
    config: TurnsConfig, rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(T, 50, 2) and (T, 50) of somebody who is idle where the plan has nothing for them, and gestures at times."""

    def seen(motion: PoseSequence) -> PoseSequence:
        return placed(make_view(motion, rng, material.noise).seen)

    idle = seen(perform_idle(signer, rng, frames / FPS + 1, FPS).pose)
    points, confidence = idle.keypoints[:frames].copy(), idle.confidence[:frames].copy()

    def put(pose: PoseSequence, start: int) -> None:
        stop = min(start + len(pose), frames)
        points[start:stop], confidence[start:stop] = pose.keypoints[: stop - start], pose.confidence[: stop - start]
        share = (np.arange(1, _WAY + 1) / (_WAY + 1))[:, None, None]
        for first in (start - _WAY, stop):  # hands do not jump
            if first > 0 and first + _WAY < frames:
                ends = points[first - 1], points[first + _WAY]
                points[first : first + _WAY] = (1 - share) * ends[0] + share * ends[1]

    for start, piece, who in plan:
        if who == number:
            put(piece.pose, start)
        elif rng.random() < config.gestures:
            gesture = seen(perform_gestures(signer, rng, "test", 1, FPS).pose)
            clear = [(s - _WAY, s + len(p.pose) + _WAY) for s, p, w in plan if w == number]
            if all(start + len(gesture) < a or start > b for a, b in clear):
                put(gesture, start)
    return points, np.where(np.isnan(points[..., 0]), 0, confidence)


def judge(taken: np.ndarray, truth: np.ndarray, seen: np.ndarray, changes: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """right: frames of the signer, of `signed` frames in which somebody signs whom the detector sees.

    taken: (T,) whose frame it is, -1 for nobody's. truth: as of `Spoken`. seen: (T,) bool, the signer is seen. cuts:
    between two people. errors: seconds of each true change from the nearest cut, outside of the time for it.
    """
    signed = (truth >= 0) & seen
    steps = np.flatnonzero(taken >= 0)
    cuts = steps[1:][np.diff(taken[steps]) != 0]
    errors = []
    for last, first in changes:
        low, high = min(last, first), max(last, first)
        away = np.maximum(np.maximum(low - cuts, cuts - high), 0) / FPS
        errors.append(float(away.min()) if len(cuts) else None)
    return {
        "right": int((taken == truth)[signed].sum()), "signed": int(signed.sum()),
        "cuts": len(cuts), "changes": len(changes), "errors": errors,
    }  # fmt: skip


def judge_poses(spoken: Spoken, pose: PoseSequence) -> dict[str, Any]:
    """`judge` of what was taken from a recording of poses."""
    seen = (spoken.person == spoken.truth[:, None]).any(1)
    return judge(_who(spoken, pose), spoken.truth, seen, spoken.changes)


def judge_video(run: Path, pieces: Sequence[Sequence[Piece]], config: TurnsConfig) -> dict[str, dict[str, Any]]:
    """`judge` of one video of two people beside each other, read in both ways; who is silent stands still."""
    left = [list(own) for own in pieces]
    frames: list[np.ndarray] = []
    signs: list[tuple[int, int, int]] = []  # from, to, whose
    held: list[np.ndarray | None] = [None, None]
    for turn in range(config.turns):
        who = turn % 2
        piece = left[who].pop(0)
        other = held[1 - who]
        if other is None:
            other = held[1 - who] = next(iter(_frames(run, left[1 - who][0].name)))
        signs.append((len(frames) + piece.signs[0][0], len(frames) + piece.signs[-1][1], who))
        for frame in _frames(run, piece.name):
            held[who] = frame
            frames.append(np.concatenate([frame, other] if who == 0 else [other, frame], 1))
    truth = np.full(len(frames), -1)
    for start, stop, who in signs:
        truth[start:stop] = who
    changes = [(a[1], b[0]) for a, b in pairwise(signs)]
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "two.mp4"
        write_video(path, frames, FPS)
        ways: dict[str, WhoIsRead] = {ONE: "one", TURNS: "turns"}
        for name, people in ways.items():
            neck = build_estimator(MediaPipeOptions(people=people))(path).keypoints[:, NECK, 0]
            taken = np.where(np.isfinite(neck), neck >= frames[0].shape[1] / 2, -1).astype(int)
            found[name] = judge(taken, truth, np.ones(len(truth), bool), changes)
    return found


def _frames(run: Path, name: str) -> list[np.ndarray]:
    """The pictures of a test clip."""
    with open_video(video_path(run / "corpus", "test", name)) as video:
        return list(video)


def _who(spoken: Spoken, pose: PoseSequence) -> np.ndarray:
    """(T,) whose frame it is, by where the neck is; -1 where the pose has none."""
    necks = spoken.people.keypoints[:, :, NECK]  # (T, P, 2)
    away = np.linalg.norm(necks - pose.keypoints[:, None, NECK], axis=2)
    place = np.where(np.isfinite(away), away, np.inf)
    nearest = place.argmin(1)
    rows = np.arange(len(place))
    return np.where(place[rows, nearest] < 1e-3, spoken.person[rows, nearest], -1)


def make(request: Request, config: TurnsConfig) -> None:
    """Compose, choose in both ways, and write. InputError if the run has too few signers."""
    material = Material(request.finished)
    poses = material.detected("test")
    clips = {signer: [material.piece(plan, poses) for plan in plans if plan.name in poses]
             for signer, plans in material.by_signer("test", 40).items()}  # fmt: skip
    able = [signer for signer, own in clips.items() if len(own) >= 4]
    if len(able) < 2:
        raise InputError(f"{material.run}: fewer than two signers with four test clips")
    ways: dict[str, Callable[[People], PoseSequence]] = {ONE: select, TURNS: by_turns}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    filmed: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    minutes = 0.0
    for number in progress(range(config.recordings), "turns", config.recordings, "recording"):
        rng = np.random.default_rng([config.seed, zlib.crc32(b"turns"), number])
        chosen = [able[k] for k in rng.choice(len(able), 2, replace=False)]
        pieces = [[clips[one][k] for k in rng.permutation(len(clips[one]))] for one in chosen]
        third = [SIGNERS[int(rng.integers(len(SIGNERS)))]] if rng.random() < config.third else []
        spoken = compose(pieces, [*chosen, *third], material, config, rng)
        minutes += len(spoken.truth) / FPS / 60
        for name, take in ways.items():
            found[name].append(judge_poses(spoken, take(spoken.people)))
        if number < config.videos:
            for name, one in judge_video(material.run, pieces, config.model_copy(update={"turns": 4})).items():
                filmed[name].append(one)
    title = "Who signs: recordings of several people who sign in turns"
    result = layout(found, minutes, filmed)
    write_result(result, request.results, request.name, title, request.about(config, config.seed))


def layout(
    found: Mapping[str, list[dict[str, Any]]], minutes: float, filmed: Mapping[str, list[dict[str, Any]]]
) -> Result:
    """The tables, and all numbers."""
    recordings, changes = len(found[ONE]), sum(one["changes"] for one in found[ONE])
    words = (
        "Right: frames in which somebody signs and is seen, of which the pose is theirs, in per cent. Changes found: "
        f"with a cut between two people within {NEAR:g} s of the time from the last sign of the one to the first of "
        "the other; error: seconds from that time."
    )
    told = (
        f"{recordings} recordings of two or three people, {minutes:.1f} minutes, {changes} changes of the signer. "
        f"{words} The clips' 2D is MediaPipe's of rendered video, that of what lies between is simulated."
    )
    lines, numbers = _rows(found)
    sections = [markdown("Files of poses", _HEAD, lines, told)]
    if filmed[ONE]:
        lines, videos = _rows(filmed)
        changes = sum(one["changes"] for one in filmed[ONE])
        told = (
            f"{len(filmed[ONE])} videos of two rendered signers beside each other, {changes} changes, read by "
            "MediaPipe (`--people one`, `--people turns`). Who is silent stands still."
        )
        sections.append(markdown("Videos", _HEAD, lines, told))
        return Result(sections, {"ways": numbers, "videos": videos, "minutes": minutes})
    return Result(sections, {"ways": numbers, "minutes": minutes})


def _rows(found: Mapping[str, list[dict[str, Any]]]) -> tuple[list[list[str]], dict[str, Any]]:
    """Lines of a table, and its numbers."""
    lines, numbers = [], {}
    for name, each in found.items():
        total = {key: sum(one[key] for one in each) for key in ("right", "signed", "cuts", "changes")}
        errors = np.array([error for one in each for error in one["errors"]], float)  # NaN where nothing was cut
        share = 100 * total["right"] / max(1, total["signed"])
        near = 100 * float((errors <= NEAR).mean())
        numbers[name] = {"total": total, "right": share, "changes found": near, "recordings": each}
        far = [f"{value:.2f}" if np.isfinite(value) else "" for value in np.percentile(errors, [50, 90])]
        lines.append([name, f"{share:.1f}", f"{near:.1f}", *far, str(total["cuts"])])
    return lines, numbers
