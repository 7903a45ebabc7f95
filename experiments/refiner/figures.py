"""The paper's Figures 3 to 7 from our own runs, and two of ours: `python -m experiments.refiner.figures`.

Uses the networks that `experiments.refiner.run` has trained; trains nothing. A figure whose network or table is not
there yet is left out with a warning. Writes PNG and SVG into experiments/results/figures.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from experiments.refiner import curves, draw, masks, noise, shots
from experiments.refiner.config import MaskTable, NoiseTable
from experiments.refiner.data import motion_clips
from experiments.refiner.errors import SHOULDERS_CM
from experiments.refiner.methods import Method, network
from experiments.refiner.run import RESULTS, WORK
from experiments.refiner.tasks import Task, masked, noisy
from experiments.refiner.training import WEIGHTS, Job
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import C, check_config
from skeletor.support.errors import InputError
from skeletor.support.progress import log, log_to

HANDS = [*SIGNING_50.group("left_hand"), *SIGNING_50.group("right_hand")]
COLOURS = "blue: left hand, orange: right hand, grey behind: the truth"


@dataclass(frozen=True)
class Place:
    """Where the figures' material lies and where they go."""

    work: Path
    results: Path
    run: Path

    @property
    def out(self) -> Path:
        """The figures' folder."""
        return self.results / "figures"


def config_of(place: Place, name: str, kind: type[C]) -> C:
    """The config with which a table was made; InputError if it was not made yet."""
    file = place.results / f"{name}.json"
    if not file.is_file():
        raise InputError(f"{file}: no such table; make the tables first (make tables)")
    return check_config(json.loads(file.read_text(encoding="utf-8"))["config"], kind, str(file))


def trained(job: Job, place: Place) -> Method:
    """The network of a job; InputError if it is not trained."""
    folder = place.work / "models" / job.folder_name
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"{folder}: no weights; make the tables first (make tables)")
    return network(job.spec, folder)


def moment(task: Task, seen: int = 2) -> tuple[int, int]:
    """(clip, frame): the hidden or spoilt frame in which the hands move fastest, not within `seen` of an end."""
    best, found = -1.0, (0, seen)
    for k, (truth, hit) in enumerate(zip(task.truths, task.hits, strict=True)):
        speed = np.zeros(len(truth))
        speed[1:-1] = np.linalg.norm(truth.keypoints[2:] - truth.keypoints[:-2], axis=2)[:, HANDS].mean(1)
        speed[~hit.any(1)] = -1
        speed[:seen], speed[len(truth) - seen :] = -1, -1
        if speed.max() > best:
            best, found = float(speed.max()), (k, int(speed.argmax()))
    return found


def centimetres(pose: PoseSequence, truth: PoseSequence, frame: int, joints: np.ndarray | None = None) -> float:
    """Mean distance of a frame's joints (all, or those in a (J,) mask) from the truth."""
    distance = np.linalg.norm(pose.keypoints[frame] - truth.keypoints[frame], axis=1)
    return float(distance[joints if joints is not None else slice(None)].mean() * SHOULDERS_CM)


def mask_rows(config: MaskTable, place: Place) -> dict[str, Job]:
    """The trainings of the default and of the published network, by the names of their rows in Figures 3 and 4."""
    short = {"Skeletor (default)": "default", "Skeletor as published, small": "as published"}
    jobs = masks.jobs_of(config, place.work).items()
    return {f"{short[label]},\ntrained at {share:.0%}": job for (label, share), job in jobs if label in short}


def figure_3(place: Place) -> list[Path]:
    """Masked frames, repaired by networks that were trained with different shares of masks."""
    config = config_of(place, "table1", MaskTable)
    rows = {name: trained(job, place) for name, job in mask_rows(config, place).items()}
    task = masked(motion_clips(config.data, "test"), config.test_share, config.what, config.seed)
    clip, centre = moment(task)
    truth, hit = task.truths[clip], np.asarray(task.hits[clip].any(1))
    frames = range(centre - 2, centre + 3)
    figure, axes = draw.grid(2 + len(rows), len(frames), 1.15, left=0.14)
    view = draw.view_of(truth.keypoints[frames.start : frames.stop])
    series: list[tuple[str, PoseSequence | None]] = [("original", truth), ("masked", task.inputs[clip])]
    series += [(name, m.refiner(task.inputs[clip])) for name, m in rows.items()]
    for line, (name, pose) in zip(axes, series, strict=True):
        draw.row_name(line[0], name)
        for axis, t in zip(line, frames, strict=True):
            draw.panel(axis, view, ground=draw.HIDDEN_GROUND if hit[t] else None)
            draw.skeleton(axis, truth.keypoints[t], pale=True)
            assert pose is not None
            draw.skeleton(axis, pose.keypoints[t])
            if hit[t] and name in rows:
                draw.below(axis, f"{centimetres(pose, truth, t):.2f} cm")
    for axis, t in zip(axes[0], frames, strict=True):
        axis.set_title(f"frame {t}" + (", hidden" if hit[t] else ""), fontsize=9)
    figure.suptitle("Figure 3. Masked frames, by the share of masks in training", x=0.01, ha="left", fontsize=10)
    draw.legend(figure, f"yellow: the frame was hidden; {COLOURS}; cm: mean distance from the truth")
    return draw.save(figure, place.out, "figure3")


def figure_4(place: Place) -> list[Path]:
    """Masked joints: original, masked, repaired, for each share of masks in training."""
    config = config_of(place, "table2", MaskTable)
    jobs = mask_rows(config, place)
    task = masked(motion_clips(config.data, "test"), config.test_share, config.what, config.seed)
    clip, centre = moment(task, seen=4)
    truth, given = task.truths[clip], task.inputs[clip]
    frames = (centre - 3, centre)
    figure, axes = draw.grid(len(jobs), 3 * len(frames), 1.2, left=0.14)
    view = draw.view_of(truth.keypoints[list(frames)])
    for line, (name, job) in zip(axes, jobs.items(), strict=True):
        draw.row_name(line[0], name)
        repaired = trained(job, place).refiner(given)
        for k, t in enumerate(frames):
            for axis, pose in zip(line[3 * k : 3 * k + 3], (truth, given, repaired), strict=True):
                draw.panel(axis, view)
                draw.skeleton(axis, truth.keypoints[t], pale=True)
                draw.skeleton(axis, pose.keypoints[t])
            left = np.flatnonzero(~given.missing[t])
            draw.dots(line[3 * k + 1], given.keypoints[t], left.tolist())
            draw.below(line[3 * k + 2], f"{centimetres(repaired, truth, t, task.hits[clip][t]):.2f} cm")
    for k, t in enumerate(frames):
        for axis, name in zip(axes[0][3 * k :], ("original", "masked", "repaired"), strict=False):
            axis.set_title(f"frame {t}, {name}", fontsize=8)
    figure.suptitle("Figure 4. Masked joints (15 % at random)", x=0.01, ha="left", fontsize=10)
    draw.legend(figure, f"{COLOURS}; cm: mean distance of the hidden joints from the truth")
    return draw.save(figure, place.out, "figure4")


def _noise_figure(place: Place, table: str, name: str, title: str) -> list[Path]:
    config = config_of(place, table, NoiseTable)
    method = trained(noise.jobs_of(config, place.work)[0], place)
    truths = motion_clips(config.data, "test")
    first = noisy(truths, config.test_share, config.what, config.strengths[0], config.seed)
    clip, centre = moment(first, seen=4)
    hit = first.hits[clip]
    spoilt = [t for t in np.argsort(np.abs(np.arange(len(hit)) - centre), kind="stable") if hit[t].any()][:3]
    figure, axes = draw.grid(len(spoilt), 1 + 2 * len(config.strengths), 1.0, left=0.075)
    for axis in axes.ravel():
        draw.panel(axis, draw.view_of(truths[clip].keypoints[spoilt], foot=0.35, margin=0.22))
    for line, t in zip(axes, sorted(spoilt), strict=True):
        draw.row_name(line[0], f"frame\n{t}")
        draw.skeleton(line[0], truths[clip].keypoints[t], width=0.9)
    for k, strength in enumerate(config.strengths):
        task = noisy([*truths[: clip + 1]], config.test_share, config.what, strength, config.seed)
        given = task.inputs[clip]
        repaired = method.refiner(given)
        for line, t in zip(axes, sorted(spoilt), strict=True):
            for axis, pose in zip(line[1 + 2 * k : 3 + 2 * k], (given, repaired), strict=True):
                draw.skeleton(axis, truths[clip].keypoints[t], pale=True, width=0.9)
                draw.skeleton(axis, pose.keypoints[t], width=0.9)
                draw.below(axis, f"{centimetres(pose, truths[clip], t, hit[t]):.1f} cm")
        axes[0][1 + 2 * k].set_title(f"s = {strength:g}", fontsize=9)
        axes[0][2 + 2 * k].set_title("repaired", fontsize=9)
    axes[0][0].set_title("original", fontsize=9)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    draw.legend(figure, f"{COLOURS}; cm: mean distance from the truth of the joints with noise")
    return draw.save(figure, place.out, name)


def figure_5(place: Place) -> list[Path]:
    """Noisy frames, repaired."""
    return _noise_figure(place, "table3", "figure5", "Figure 5. Frames with noise of strength s, and repaired")


def figure_6(place: Place) -> list[Path]:
    """Noisy joints, repaired."""
    return _noise_figure(place, "table4", "figure6", "Figure 6. Joints with noise of strength s (15 %), and repaired")


def figure_7(place: Place) -> list[Path]:
    """Video of low quality: the picture, the raw skeleton, Skeletor's, the truth."""
    return shots.figure_7(place.run, place.out)


def figure_8(place: Place) -> list[Path]:
    """Error over the length of a gap."""
    return curves.gap_curves(place.results / "table5.json", place.out)


def figure_9(place: Place) -> list[Path]:
    """Error over the strength of the noise."""
    return curves.noise_curves([place.results / "table3.json", place.results / "table4.json"], place.out)


FIGURES: tuple[Callable[[Place], list[Path]], ...] = (
    figure_3,
    figure_4,
    figure_5,
    figure_6,
    figure_7,
    figure_8,
    figure_9,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """See the module's text. Returns the exit code: 2 if no figure could be drawn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--run", type=Path, default=Path("runs/demo"), help="a finished `slt run`, for figure 7")
    parser.add_argument("--only", nargs="*", type=int, help="numbers of figures")
    options = parser.parse_args(arguments)
    log_to()
    torch.set_num_threads(1)
    place = Place(options.work, options.results, options.run)
    drawn = 0
    for make in FIGURES:
        if options.only and int(make.__name__.removeprefix("figure_")) not in options.only:
            continue
        try:
            log.info("%s: %s", make.__name__, ", ".join(map(str, make(place))))
            drawn += 1
        except InputError as error:
            log.warning("%s left out: %s", make.__name__, error)
    return 0 if drawn else 2


if __name__ == "__main__":
    sys.exit(main())
