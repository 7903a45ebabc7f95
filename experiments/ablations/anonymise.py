"""`python -m experiments anonymise`: what `--anonymise` leaves of a rendered signer, and what it costs a reader.

Of each test clip of a run, as it was lifted: is the nearest other clip of the same signer, before and after? Three ways
of nearness, each a vector of a clip. And the word error rate of the run's reader of a row, on that row's poses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from experiments.report import Result, table, write_result
from experiments.request import Request
from skeletor.io.store import open_store
from skeletor.lifters.anonymise import anonymise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.data.layout import Clip, read_corpus
from slt.recognise.recogniser import WEIGHTS, Recogniser
from slt.score.wer import word_error_rate

SPLIT = "test"
READER = "WER of the run's reader"


class AnonymiseConfig(Config):
    """row: whose poses the reader reads, and has learned from; a run that has not trained it yet gives no WER."""

    row: str = Field("skeletor", pattern=r"^[a-z0-9-]+$")


def bones(points: np.ndarray) -> np.ndarray:
    """(49,) median lengths of the bones of a clip (T, 50, 3)."""
    first, second = np.array(SIGNING_50.bones).T
    return _over_time(np.nanmedian, np.linalg.norm(points[:, second] - points[:, first], axis=2))


def mean_pose(points: np.ndarray) -> np.ndarray:
    """(150,) where the joints of a clip (T, 50, 3) are on average."""
    return _over_time(np.nanmean, points).ravel()


def speeds(points: np.ndarray) -> np.ndarray:
    """(50,) how far each joint of a clip (T, 50, 3) goes on average from frame to frame."""
    return _over_time(np.nanmean, np.linalg.norm(np.diff(points, axis=0), axis=2))


WAYS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "lengths of the bones": bones,
    "mean pose": mean_pose,
    "mean speed of each joint": speeds,
}


def make(request: Request, config: AnonymiseConfig) -> None:
    """Measure, write. InputError if the run has no lifted test clips."""
    result = measure(request.finished, config)
    title = "The nearest other clip is of the same signer, per cent, before and after `--anonymise`"
    write_result(result, request.results, request.name, title, request.about(config, None))


def measure(run: Path, config: AnonymiseConfig) -> Result:
    """All of it; see `make`."""
    clips = {clip.name: clip for clip in read_corpus(run / "corpus").split(SPLIT)}
    lifted = _poses(run / "lifted" / SPLIT, clips)
    before = list(lifted.values())
    after = [anonymise(pose) for pose in before]
    signers = [clips[name].speaker for name in lifted]
    shares = {
        way: [100 * same_signer([vector(pose.keypoints) for pose in poses], signers) for poses in (before, after)]
        for way, vector in WAYS.items()
    }
    most = 100 * Counter(signers).most_common(1)[0][1] / len(signers)
    frames = float(np.mean([len(pose) for pose in before]))
    errors = reader_errors(run, config.row, clips)
    rows = [[way, *(f"{value:.1f}" for value in pair)] for way, pair in shares.items()]
    rows.append(["always the most frequent signer", f"{most:.1f}", f"{most:.1f}"])
    if errors is not None:
        rows.append([f"{READER} ({config.row})", *(f"{value:.1f}" for value in errors)])
    note = f"{len(signers)} test clips of {len(set(signers))} rendered signers, {frames:.0f} frames each on average."
    numbers: dict[str, Any] = {
        "clips": len(signers), "signers": len(set(signers)), "frames": frames, "same_signer": shares,
        "most_frequent": most, "wer": errors,
    }  # fmt: skip
    return Result(["\n".join([*table(["", "before", "after"], rows), "", note, ""])], numbers)


def same_signer(vectors: Sequence[np.ndarray], signers: Sequence[str]) -> float:
    """The share of clips whose nearest other clip, by Euclid, is of the same signer. What is never seen counts as 0."""
    values = np.nan_to_num(np.stack(vectors).astype(np.float64))  # (N, D)
    who = np.array(signers)
    same = 0
    for k, value in enumerate(values):
        distance = np.linalg.norm(values - value, axis=1)
        distance[k] = np.inf
        same += int(who[distance.argmin()] == who[k])
    return same / len(who)


def reader_errors(run: Path, row: str, clips: Mapping[str, Clip]) -> list[float] | None:
    """WER in per cent of the run's recogniser of a row on the row's poses, before and after; None if it has none."""
    system = run / "systems" / f"{row}-recogniser"
    if not (system / WEIGHTS).is_file():
        log.warning(f"{system}: no reader there; WER is left out")
        return None
    reader = Recogniser.load(system)
    poses = _poses(run / ("lifted" if row == "raw" else f"refined/{row}") / SPLIT, clips)
    references = [clips[name].glosses for name in poses]
    given = list(poses.values())
    return [
        word_error_rate(reader.recognise(some), references) for some in (given, [anonymise(pose) for pose in given])
    ]


def _poses(folder: Path, clips: Mapping[str, Clip]) -> dict[str, PoseSequence]:
    """The clips' poses by name, in order; InputError if there are not two."""
    store = open_store(folder) if folder.is_dir() else {}
    found = {name: store[name] for name in clips if name in store}
    if len(found) < 2:
        raise InputError(f"{folder}: no poses of test clips; give --run DIR, of a run of configs/demo.yaml")
    return found


def _over_time(mean: Callable[..., np.ndarray], values: np.ndarray) -> np.ndarray:
    """`mean` over the frames of values (T, ...); NaN, without a warning, where there is none."""
    never = np.isnan(values).all(0)
    return np.where(never, np.nan, mean(np.where(never, 0, values), axis=0))
