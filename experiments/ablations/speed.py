"""Speed of 2D estimation: CPU time a frame of each way to estimate, and what it costs. `detectors`: other models.

A way is a set of options of the estimator, laid over the run's own. Each is timed in one process and thread, in turns
over the same clips, so that a busy machine slows all of them alike; the first clip, with which models are loaded, is
not counted. Poses are kept in --work, and made by worker processes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from experiments.ablations.sparse import videos_of
from experiments.report import table, write_files
from experiments.request import Request
from skeletor.files.keyed import keyed_folder
from skeletor.io import native
from skeletor.io.store import open_store
from skeletor.poses.key_frames import pose_stride
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.data import layout
from slt.estimators.ahead import usable_cores
from slt.estimators.pool import estimate_many
from slt.estimators.registry import ESTIMATORS, EstimateOptions, build_estimator
from slt.inference.chain import Chain, load_chain
from slt.pipeline.cache.stage import stage_key
from slt.pipeline.tables.accuracy import detection_rates
from slt.score.rates import Glosses, compare_word_error_rates
from slt.score.scores import score
from slt.score.wer import word_error_rate
from slt.synthetic import build

SIDES = ("left", "right")


class SpeedJob(Config):
    """What to compare. ways: options of the estimator beside the run's own; the first is what the others lose against.

    part: of the run's clips. clips: the first so many of them. timed: clips for the CPU time.
    """

    part: Literal["dev", "test"] = "test"
    ways: list[dict[str, str | int]] = Field(min_length=1)
    clips: int = Field(60, ge=2)
    timed: int = Field(8, ge=2)


def label(way: Mapping[str, str | int]) -> str:
    """A way in words."""
    return ", ".join(f"{key} {value}" for key, value in way.items()) or "as the run"


def options_of(run: Path, way: Mapping[str, str | int]) -> EstimateOptions:
    """The estimator of a way."""
    stored = json.loads((run / "config.json").read_text(encoding="utf-8"))["estimator"]
    return ESTIMATORS.check(stored | dict(way), f"ways: {label(way)}")


def timings(options: Sequence[EstimateOptions], videos: Sequence[Path]) -> list[list[float]]:
    """CPU milliseconds a frame of each way, on each of the clips but the first."""
    estimators = [build_estimator(each) for each in options]
    found: list[list[float]] = [[] for _ in estimators]
    for number, video in enumerate(videos):
        for estimator, values in zip(estimators, found, strict=True):
            start = time.process_time()
            frames = len(estimator(video))
            if number:
                values.append(1000 * (time.process_time() - start) / frames)
    return found


def detections(options: EstimateOptions, videos: Mapping[str, Path], folder: Path) -> dict[str, PoseSequence]:
    """2D poses of a way, made where they are not there yet."""
    out = keyed_folder(folder, stage_key(options.model_dump(), (), ("slt.estimators.registry",)))
    report = estimate_many(videos, options, out, usable_cores())
    if report.failed:
        raise InputError(next(iter(report.failed.values())))
    return {name: native.read_pose(out / f"{name}.safetensors") for name in videos}


def quality(
    chain: Chain, raw: Mapping[str, PoseSequence], clips: Sequence[layout.Clip], truth: Mapping[str, PoseSequence]
) -> tuple[dict[str, Any], Glosses | None]:
    """What comes out of the run's model for these poses; and the glosses that it reads, if it reads any."""
    poses = [raw[clip.name] for clip in clips]
    final = chain.refiner.many(chain.lifter.many(poses))
    translator, judge = chain.model.translator, chain.model.abstention
    found = translator.translate(final)
    signals = (judge.signals(translator, *each) for each in zip(poses, final, found, strict=True))
    glosses = translator.recognise(final) if translator.recognised else None
    seen = detection_rates({clip.name: raw[clip.name] for clip in clips}, truth)
    figures = {
        "wer": None if glosses is None else word_error_rate(glosses, [list(clip.glosses) for clip in clips]),
        "bleu4": score([h.text for h in found], [clip.text for clip in clips]).bleu4,
        "abstained": sum(judge.reason(each) is not None for each in signals),
        "left": seen.left_hand, "right": seen.right_hand, "error": seen.median_error,
    }  # fmt: skip
    return figures, glosses


def interval(first: Glosses | None, glosses: Glosses | None, clips: Sequence[layout.Clip]) -> list[float] | None:
    """Paired bootstrap over the clips: 95 % of how much higher the word error rate is than with the first way."""
    if first is None or glosses is None:
        return None
    return list(compare_word_error_rates([first], [glosses], [list(clip.glosses) for clip in clips]).interval)


def distance(one: Mapping[str, PoseSequence], other: Mapping[str, PoseSequence], joints: Sequence[int]) -> float:
    """Median distance of these joints where both have them, in shoulder widths of the first."""
    found = []
    for name, pose in one.items():
        sides = [pose.keypoints[:, SIGNING_50.index(f"{side}_shoulder")] for side in ("left", "right")]
        width = np.nanmedian(np.linalg.norm(sides[0] - sides[1], axis=1))
        away = np.linalg.norm(pose.keypoints[:, joints] - other[name].keypoints[:, joints], axis=2) / width
        found.append(away[np.isfinite(away)])
    return float(np.median(np.concatenate(found)))


def errors(
    raw: Mapping[str, PoseSequence], first: Mapping[str, PoseSequence], truth: Mapping[str, PoseSequence]
) -> dict[str, Any]:
    """How far what was found is from the truth, in true shoulder widths: median and 90 %.

    body_error: of its joints. hand_error: mean of a hand's joints, over hands. filled: hands (one a frame and side)
    that the first way has not and this one has, and filled_error theirs; lost: the other way round; absent: filled
    hands that are truly outside of the picture.
    """
    found: dict[str, list[np.ndarray]] = {"body": [], "hand": [], "filled": []}
    lost = absent = 0
    for name, pose in raw.items():
        true = truth[name].keypoints
        width = np.median(
            np.linalg.norm(np.subtract(*(true[:, SIGNING_50.index(f"{side}_shoulder")] for side in SIDES)), axis=1)
        )
        away = np.linalg.norm(pose.keypoints - true, axis=2) / width  # (T, 50)
        found["body"].append(away[:, :8].ravel())
        for side in SIDES:
            joints = list(SIGNING_50.group(f"{side}_hand"))
            hand, here = away[:, joints].mean(1), ~pose.missing[:, joints].any(1)
            before = ~first[name].missing[:, joints].any(1)
            root, size = true[:, joints[0]], truth[name].provenance.image_size or (1 << 30, 1 << 30)
            inside = ((root >= 0) & (root < size)).all(1)
            found["hand"].append(hand[here & inside])
            found["filled"].append(hand[here & inside & ~before])
            lost += int((before & ~here).sum())
            absent += int((here & ~before & ~inside).sum())
    values = {part: np.concatenate(each) for part, each in found.items()}
    shares = {f"{part}_error": _two(each[np.isfinite(each)]) for part, each in values.items()}
    return {**shares, "filled": len(values["filled"]), "lost": lost, "absent": absent}


def _two(values: np.ndarray) -> list[float] | None:
    """Median and 90 % of them; None if there are none."""
    return np.percentile(values, [50, 90]).tolist() if len(values) else None


def error_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of errors by the truth."""
    head = (
        "Distance from the truth, in true shoulder widths, median and 90 %: of the body's joints; of hands that were "
        "found. Filled: hands that the first row has not found and this one has, and how far these are off; lost: the "
        "other way round; outside: filled, and truly not in the picture."
    )
    names = ("way", "body", "hands", "filled", "their error", "lost", "outside")

    def pair(values: Sequence[float] | None) -> str:
        return "" if values is None else f"{values[0]:.3f}, {values[1]:.3f}"

    cells = [[row["label"], pair(row["body_error"]), pair(row["hand_error"]), str(row["filled"]),
              pair(row["filled_error"]), str(row["lost"]), str(row["absent"])] for row in rows]  # fmt: skip
    return f"{head}\n\n" + "\n".join(table(names, cells)) + "\n"


def markdown(rows: Sequence[Mapping[str, Any]], run: Path, job: SpeedJob, how: str) -> str:
    """The tables. how: what makes them."""
    first = rows[0]
    head = (
        f"The first {job.clips} {job.part} clips of the run {run.name}, through its model. CPU milliseconds a frame of "
        f"video: one process, one thread, {job.timed - 1} clips, ways in turns; times: how many times as fast as the "
        "first row, median over the clips. WER more: than the first row, and 95 % of it by a paired bootstrap over the "
        "clips. Hands found: where the true hand lies in the picture; error: median, in palm lengths. Distance: median "
        "from the first row's key points, in shoulder widths. Abstained: by the model's own limits."
    )
    names = ("way", "CPU ms a frame", "times", "WER", "more", "95 %", "BLEU-4", "abstained", "left found",
             "right found", "error", "distance, body", "distance, hands")  # fmt: skip
    cells = []
    for row in rows:
        wer = ["", "", ""] if row["wer"] is None else [
            f"{row['wer']:.2f}", f"{row['wer'] - first['wer']:+.2f}", "{:+.1f} to {:+.1f}".format(*row["more"])
        ]  # fmt: skip
        times = np.median(np.array(first["ms"]) / np.array(row["ms"]))
        cells.append(
            [row["label"], f"{np.mean(row['ms']):.1f}", f"{times:.2f}", *wer, f"{row['bleu4']:.2f}",
             str(row["abstained"]), f"{row['left']:.1%}", f"{row['right']:.1%}",
             *(f"{row[part]:.3f}" for part in ("error", "body", "hands"))]
        )  # fmt: skip
    return f"{head}\n\n" + "\n".join(table(names, cells)) + f"\n\n{error_table(rows)}\nMade by {how}.\n"


def make(request: Request, job: SpeedJob) -> None:
    """Time, estimate, translate and write. InputError if the run is not there."""
    run, part = request.finished, job.part
    found = videos_of(run, part)
    videos = {name: found[name] for name in sorted(found)[: job.clips]}
    options = [options_of(run, way) for way in job.ways]
    timed = timings(options, list(videos.values())[: job.timed])
    clips = [clip for clip in layout.read_corpus(run / "corpus").split(part) if clip.name in videos]
    truth, own = build.open_truth(run / "corpus", part, planar=True), open_store(run / "estimated" / part)
    chain = load_chain(run / "model", device="cpu")
    rows: list[dict[str, Any]] = []
    reference: dict[str, PoseSequence] = {}
    read: list[Glosses | None] = []  # by each way
    for way, each, ms in zip(job.ways, options, timed, strict=True):
        folder = request.work / part / label(way).replace(", ", "-").replace(" ", "_")
        raw = detections(each, videos, folder) if way else {name: own[name] for name in videos}
        reference = reference or raw
        joints = {"body": range(8), "hands": range(8, 50)}
        away = {name: distance(reference, raw, list(some)) for name, some in joints.items()}
        stride = max(map(pose_stride, raw.values()))
        figures, glosses = quality(chain, raw, clips, truth)
        read.append(glosses)
        figures |= {"more": interval(read[0], glosses, clips), **away, **errors(raw, reference, truth)}
        rows.append({"label": label(way), "stride": stride, "ms": ms, **figures})
        log.info("%s: %s", label(way), rows[-1])
    seed = json.loads((run / "config.json").read_text(encoding="utf-8"))["seed"]
    how = f"`{request.command or f'python -m experiments {request.name} --run <folder of a run>'}`"
    write_files(
        request.results, request.name, markdown(rows, run, job, how), {**request.about(job, seed), "rows": rows}
    )
