"""Sparse 2D: stride x way to all frames, in errors against the truth, in BLEU-4, and in frames/s of `slt translate`.

The chain is that of the run's model folder, on its test clips: the estimator looks at every so many frames, `token`
takes the config's uplift-upsample weights in place of the model's lifter. Frames/s: the whole command on the cores
that this process may use, start included, and without the start (less the same command on one clip). Detections and
timings are kept in --work; `--set speed=only` makes timings alone (on an idle machine), `no` leaves them as they are.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from experiments.report import interval, table, write_files
from experiments.request import Request
from skeletor.files.atomic import write_text
from skeletor.files.keyed import keyed_folder
from skeletor.io import native
from skeletor.io.store import open_store
from skeletor.poses.key_frames import UPSAMPLINGS
from skeletor.poses.metrics import pose_errors
from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.data import layout
from slt.estimators.ahead import usable_cores
from slt.estimators.pool import estimate_many
from slt.estimators.registry import ESTIMATORS
from slt.inference.chain import Chain, load_chain
from slt.inference.estimation import Sparse
from slt.inference.model_folder import read_model_config
from slt.pipeline.cache.stage import read_json, stage_key
from slt.pipeline.tables.accuracy import Detection, detection_rates
from slt.score.bootstrap import paired_bootstrap
from slt.score.scores import score
from slt.synthetic import build

SLT = [sys.executable, "-c", "from slt.cli import main; main()"]
SPEED, PROFILE = "speed.json", "profile.json"


class SparseJob(Config):
    """What to compare. trained: label -> folder of a run that was trained on sparse poses. speed: what is timed."""

    strides: list[int] = Field([1, 2, 4, 8], min_length=1)
    lift_weights: str
    speed_clips: int = Field(20, ge=2)
    profile_clips: int = Field(8, ge=1)
    trained: dict[str, str] = Field(default_factory=dict)
    speed: Literal["yes", "no", "only"] = "yes"


@dataclass(frozen=True)
class Way:
    """One row: a model folder, and how its 2D is to be sparse."""

    label: str
    model: Path
    stride: int
    upsample: str
    lift_weights: Path | None = None

    @property
    def sparse(self) -> Sparse:
        """For `load_chain`; a model that was trained on sparse poses is used as it is."""
        return Sparse() if self.label else Sparse(self.stride, self.upsample)

    @property
    def lift(self) -> str | None:
        """For `load_chain`."""
        return str(self.lift_weights) if self.lift_weights else None

    @property
    def options(self) -> list[str]:
        """For `slt translate`."""
        model = ["--model", str(self.model)]
        weights = ["--lift", str(self.lift_weights)] if self.lift_weights else []
        sparse = ["--pose-stride", str(self.stride), "--upsample", self.upsample, *weights]
        return model if self.label else model + sparse


def ways(job: SparseJob, run: Path) -> list[Way]:
    """All rows. Those of the run's own model first, stride 1 with interpolation at the top."""
    model, weights = run / "model", Path(job.lift_weights)
    rows = [Way("", model, s, way, weights if way == "token" else None) for way in UPSAMPLINGS for s in job.strides]
    for label, folder in job.trained.items():
        other = Path(folder) / "model"
        if other.is_dir():
            config = read_model_config(other)
            rows.append(Way(label, other, int(config["estimator"]["pose_stride"]), config["lift"]["upsample"]))
        else:
            log.info("%s: not there, left out", other)
    return rows


def detections(run: Path, part: str, stride: int, work: Path) -> dict[str, PoseSequence]:
    """2D poses of the clips of a part: at stride 1 the run's own, others are made where they are not there yet."""
    if stride == 1:
        return dict(open_store(run / "estimated" / part))
    sources = videos_of(run, part)
    stored = json.loads((run / "config.json").read_text(encoding="utf-8"))["estimator"]
    config = ESTIMATORS.check(stored | {"pose_stride": stride}, f"{run}/config.json: estimator")
    out = keyed_folder(work / f"{part}-{stride}", stage_key(config.model_dump(), (), ("slt.estimators.registry",)))
    report = estimate_many(sources, config, out, usable_cores())
    if report.failed:
        raise InputError(f"{run}: {next(iter(report.failed.values()))}")
    return {name: native.read_pose(out / f"{name}.safetensors") for name in sources}


def videos_of(run: Path, part: str) -> dict[str, Path]:
    """Clip -> video."""
    folder = layout.features_path(run / "corpus", part)
    found = {file.stem: file for file in sorted(folder.glob("[!.]*.mp4"))}
    if not found or not (run / "model").is_dir():
        raise InputError(f"{run}: no finished run of a rendered corpus; run `make pipeline`, or give --run")
    return found


def quality(way: Way, run: Path, part: str, work: Path, texts: Mapping[str, str]) -> dict[str, Any]:
    """Errors, scores and abstentions of one row on a part; `lines` are its sentences."""
    raw = detections(run, part, way.stride, work)
    chain = load_chain(way.model, device="cpu", lift=way.lift, sparse=way.sparse)
    names = sorted(raw)
    truth = open_store(run / "truth" / part)
    true = [truth[name] for name in names]
    lifted = chain.lifter.many([raw[name] for name in names])
    refined = chain.refiner.many(lifted)
    found = chain.model.translator.translate(refined)
    scores = score([h.text for h in found], [texts[name] for name in names])
    return {
        "label": way.label, "stride": way.stride, "upsample": way.upsample, "clips": len(names),
        "lifted": pose_errors(lifted, true).mpjpe, "refined": pose_errors(refined, true).mpjpe,
        "bleu4": scores.bleu4, "interval": scores.intervals["bleu4"], "signature": scores.signature,
        "abstained": _abstained(chain, [raw[n] for n in names], refined, found), "lines": [h.text for h in found],
    }  # fmt: skip


def _abstained(chain: Chain, raw: Sequence[PoseSequence], poses: Sequence[PoseSequence], found: Sequence[Any]) -> int:
    judge, translator = chain.model.abstention, chain.model.translator
    rows = (judge.signals(translator, *each) for each in zip(raw, poses, found, strict=True))
    return sum(judge.reason(signals) is not None for signals in rows)


def speed(way: Way, videos: Sequence[Path], frames: Sequence[int]) -> dict[str, float]:
    """Frames/s of `slt translate`: of the whole command on these clips, and without its start."""
    one, all_clips = _seconds(way, videos[:1]), _seconds(way, videos)
    return {
        "whole": sum(frames) / all_clips,
        "running": sum(frames[1:]) / max(all_clips - one, 1e-9),
        "first_clip_seconds": one,
        "cores": usable_cores(),
    }


def _seconds(way: Way, videos: Sequence[Path]) -> float:
    start = time.perf_counter()
    done = subprocess.run([*SLT, "translate", *map(str, videos), *way.options], capture_output=True, text=True)
    if done.returncode not in (0, 3):  # 3: the model abstains, which costs the same time
        raise InputError(f"slt translate: {done.stderr.strip().splitlines()[-1]}")
    return time.perf_counter() - start


def profile(way: Way, videos: Sequence[Path]) -> dict[str, float]:
    """Milliseconds a frame of each stage, one clip after the other in one process and thread, after a warm-up."""
    chain = load_chain(way.model, device="cpu", lift=way.lift, sparse=way.sparse)
    chain.translate(videos[0])
    results = [chain.translate(video) for video in videos]
    frames = sum(round(result.duration * 25) for result in results)
    stages = dict.fromkeys(stage for result in results for stage in result.seconds)
    return {stage: 1000 * sum(r.seconds.get(stage, 0) for r in results) / frames for stage in stages}


def measure_speed(job: SparseJob, rows: Sequence[Way], run: Path, work: Path) -> None:
    """All timings into `work`; those that are there stay."""
    videos = list(videos_of(run, "test").values())[: job.speed_clips]
    truth = open_store(run / "truth" / "test")
    frames = [len(truth[video.stem]) for video in videos]
    for file in (SPEED, PROFILE):
        known = read_json(work / file)
        for way in rows:
            if key(way) not in known and not (file == PROFILE and way.label):
                new = speed(way, videos, frames) if file == SPEED else profile(way, videos[: job.profile_clips])
                known[key(way)] = new
                log.info("%s %s: %s", file, key(way), new)
                write_text(work / file, json.dumps(known, indent=1))


def key(way: Way) -> str:
    """Names a row in the files of timings."""
    return f"{way.upsample} {way.stride} {way.label}".strip()


def compare(rows: list[dict[str, Any]], references: Sequence[str]) -> None:
    """Into each row: what it loses against the first one, and the p of that."""
    for row in rows:
        paired = paired_bootstrap(rows[0]["lines"], row["lines"], references)["bleu4"]
        row["lost"], row["p"] = rows[0]["bleu4"] - row["bleu4"], paired.p


def markdown(rows: Sequence[Mapping[str, Any]], found: Mapping[int, Detection], work: Path, run: Path) -> str:
    """The tables."""
    timed = read_json(work / SPEED)
    cores = " or ".join(sorted({str(int(t["cores"])) for t in timed.values()}))
    head = (
        f"Test clips of the run {run.name} ({rows[0]['clips']}), 25 frames/s. MPJPE in shoulder widths against the "
        "true motion, as lifted and after the model's refiner. BLEU-4 with its 95 % interval; lost: against the first "
        "row, p by paired bootstrap. "
        f"Frames/s of `slt translate` on {cores or 'no'} cores: without its start, and of the whole command "
        "on the timed clips; first: seconds for one clip, start included. The rows of one model share its translator, "
        "which learned from dense poses of its own lifter; `token` is another lifter."
    )
    names = ("stride", "all frames by", "lifted", "refined", "hands, from the wrist", "dev BLEU-4", "BLEU-4", "lost",
             "p", "abstained", "frames/s", "whole", "first")  # fmt: skip
    text = f"{head}\n\n{_lines(names, [_cells(row, timed) for row in rows])}"
    text += "\nWhat the estimator finds in its key frames; hands: share found, median error in palm lengths.\n\n"
    text += _lines(
        ("stride", "key frames", "body", "left hand", "right hand", "error"),
        [
            [str(k), str(d.frames), *(f"{v:.1%}" for v in (d.body, d.left_hand, d.right_hand)), f"{d.median_error:.3f}"]
            for k, d in found.items()
        ],
    )
    parts = read_json(work / PROFILE)
    if parts:
        stages = list(dict.fromkeys(stage for values in parts.values() for stage in values))
        text += "\nWhere the time goes: milliseconds a frame of video, one process, one thread.\n\n"
        text += _lines(
            ("", *stages, "frames/s"),
            [
                [name, *(f"{v.get(stage, 0):.2f}" for stage in stages), f"{1000 / sum(v.values()):.0f}"]
                for name, v in parts.items()
            ],
        )
    return text


def _cells(row: Mapping[str, Any], timed: Mapping[str, Mapping[str, float]]) -> list[str]:
    t = timed.get(f"{row['upsample']} {row['stride']} {row['label']}".strip())
    spread = interval(row["interval"], between=" to ")
    times = [f"{t['running']:.0f}", f"{t['whole']:.0f}", f"{t['first_clip_seconds']:.1f} s"] if t else [""] * 3
    errors = (row["lifted"]["all"], row["refined"]["all"], row["refined"]["hands_relative"])
    return [
        str(row["stride"]), ", ".join(filter(None, (row["upsample"], row["label"]))), *(f"{e:.3f}" for e in errors),
        f"{row['dev']['bleu4']:.2f}", f"{row['bleu4']:.2f} ({spread})", f"{row['lost']:.2f}",
        f"{row['p']:.3f}", str(row["abstained"]), *times,
    ]  # fmt: skip


def _lines(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(table(names, rows)) + "\n"


def make(request: Request, job: SparseJob) -> None:
    """Time, compare and write. InputError if the run or the weights are not there."""
    run = request.finished
    videos_of(run, "test")
    rows = ways(job, run)
    if job.speed != "no":
        measure_speed(job, rows, run, request.work)
    if job.speed != "only":
        _write(request, job, rows, run)


def _write(request: Request, job: SparseJob, rows: Sequence[Way], run: Path) -> None:
    """Quality of all rows, with the timings that are there, into the results folder."""
    work = request.work
    corpus, planar = layout.read_corpus(run / "corpus"), build.open_truth(run / "corpus", "test", planar=True)
    texts = {part: {clip.name: clip.text for clip in corpus.split(part)} for part in ("dev", "test")}
    made: list[dict[str, Any]] = []
    found: dict[int, Detection] = {}
    for way in rows:
        dev, row = (quality(way, run, part, work, texts[part]) for part in ("dev", "test"))
        made.append(row | {"dev": dev})
        if way.stride not in found:
            found[way.stride] = detection_rates(detections(run, "test", way.stride, work), planar)
        log.info("%s: BLEU-4 %.2f, refined %.3f", key(way), row["bleu4"], row["refined"]["all"])
    compare(made, [texts["test"][name] for name in sorted(texts["test"])])
    text = f"{markdown(made, found, work, run)}\nMade by `make sparse RUN=<folder of a run>`.\n"
    for row in made:
        del row["lines"], row["dev"]["lines"]
    seed = json.loads((run / "config.json").read_text(encoding="utf-8"))["seed"]
    timed = {"speed": read_json(work / SPEED), "profile": read_json(work / PROFILE)}
    write_files(request.results, request.name, text, {**request.about(job, seed), "rows": made, **timed})
