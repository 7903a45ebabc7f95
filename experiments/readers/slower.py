"""Test clips at lower frame rates: every N-th frame of the raw skeletons, repaired as a row repairs them, then read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from experiments.report import table
from skeletor.files.atomic import write_text
from skeletor.io.store import open_store
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.registry import REFINERS, RefineOptions, build_refiner
from skeletor.support.errors import InputError
from slt.data.layout import Clip
from slt.pipeline.cache.stage import Done, read_json, run_stage
from slt.pipeline.work.poses.train_refiner import REFINER_WEIGHTS
from slt.score.wer import word_error_rate

SPLIT = "test"
_TRAINED = {"skeletor": "refiner", "skeletor-motion": "refiner-motion"}  # row -> folder of its weights


def repair_of(row: str, run: Path, carried: RefineOptions) -> RefineOptions | None:
    """What repairs the skeletons of a row of a finished run; None for a row that has none (raw, truth).

    carried: of the row that is no row of the run. Raises InputError for a row whose repair is not known.
    """
    if row in ("raw", "truth"):
        return None
    if row == "savgol-carried":
        return carried
    if row not in _TRAINED:
        raise InputError(f"{row}: what repairs it is not known; give strides: [] or leave it out")
    stored = read_json(run / "config.json").get("refine", {})
    weights = run / _TRAINED[row] / REFINER_WEIGHTS
    return REFINERS.check({**stored, "weights": str(weights)}, f"{run}/config.json: refine")


def thinned(pose: PoseSequence, stride: int) -> PoseSequence:
    """Every `stride`-th frame (T / stride, J, 3), at a frame rate so much lower."""
    return PoseSequence(
        pose.keypoints[::stride], pose.confidence[::stride], pose.fps / stride, pose.skeleton, pose.provenance
    )


def read_slower(
    store: Path, key: str, reader: Done, repair: RefineOptions | None, stride: int, clips: Sequence[Clip], work: Path
) -> Mapping[str, Sequence[str]]:
    """What a recogniser reads: clip -> glosses. store: of skeletons before repair, by split; key: of it."""
    read = partial(_read, store, repair, stride, [clip.name for clip in clips], reader.folder)
    values = {"stride": stride, "repair": repair.model_dump(mode="json") if repair else None}
    done = run_stage(f"1 frame in {stride}", work, read, values, (key, reader))
    return read_json(done.folder / f"{SPLIT}.json")


def _read(
    store: Path, repair: RefineOptions | None, stride: int, names: Sequence[str], reader: Path, out: Path
) -> None:
    from slt.recognise.recogniser import Recogniser

    poses = open_store(store / SPLIT)
    known = [name for name in names if name in poses]
    few = [thinned(poses[name], stride) for name in known]
    repaired = build_refiner(repair).many(few) if repair else few
    glosses = Recogniser.load(reader).recognise(repaired)
    write_text(out / f"{SPLIT}.json", json.dumps(dict(zip(known, glosses, strict=True)), ensure_ascii=False))


def rates(
    read: Mapping[str, Mapping[int, Mapping[str, Sequence[str]]]], clips: Sequence[Clip]
) -> dict[str, dict[int, float]]:
    """Row -> stride -> word error rate on test; a clip that was not read counts as nothing read."""
    true = [clip.glosses for clip in clips]
    return {
        row: {n: word_error_rate([one.get(c.name, ()) for c in clips], true) for n, one in by_stride.items()}
        for row, by_stride in read.items()
    }


def markdown(labels: Mapping[str, str], found: Mapping[str, Mapping[int, float]], fps: float) -> list[str]:
    """A table: rows, and the word error rate at each frame rate."""
    strides = sorted({stride for row in found.values() for stride in row})
    head = ["skeletons", *(f"{fps / stride:g} frames/s" for stride in strides)]
    rows = [[labels.get(row, row), *(f"{by[stride]:.1f}" for stride in strides)] for row, by in found.items()]
    return table(head, rows)
