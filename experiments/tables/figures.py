"""The paper's Figures 3 to 7 from our own runs, and two of ours: `make figures`.

Uses the networks that the tables have trained; trains nothing. A figure whose network or table is not there yet is
left out with a warning. Writes PNG and SVG into experiments/results/figures; git keeps what a page shows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from pydantic import Field

from experiments.request import Request
from experiments.tables import draw
from experiments.tables.compare import SHOULDERS_CM, Method, network
from experiments.tables.config import MaskTable, NoiseTable
from experiments.tables.data import Task, masked, motion_clips, noisy
from experiments.tables.detector import Material, hand_events, read_run
from experiments.tables.known import mask_jobs, own_jobs
from experiments.tables.training import WEIGHTS, Job
from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import C, Config, check_config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.synthetic.build import video_path
from slt.video import open_video

HANDS = [*SIGNING_50.group("left_hand"), *SIGNING_50.group("right_hand")]
SHOTS = 5
NAMES = {"skeletor": "Skeletor,\nunsupervised", "skeletor-motion": "Skeletor,\nknown motion"}
COLOURS = "blue: left hand, orange: right hand, grey behind: the truth"


class FiguresConfig(Config):
    """only: numbers of figures; all of them if there are none."""

    only: list[int] = Field([])


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
    jobs = mask_jobs(config, place.work).items()
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
    method = trained(own_jobs(config, place.work)[0], place)
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


@dataclass(frozen=True)
class Shot:
    """A frame of a clip of `read_run`, and what went wrong there."""

    clip: int
    frame: int
    what: str


def choose(material: Material, count: int) -> list[Shot]:
    """The `count` worst frames of raw detection, at most one of a clip: the rule is blind to what refining does.

    Worst by the raw hand's distance from the truth relative to its wrist, among lost, swapped and frozen hands.
    """
    candidates: list[tuple[float, Shot]] = []
    for k, (raw, truth) in enumerate(zip(material.lifted, material.references["truth"], strict=True)):
        events = hand_events(material.detected[k], material.planar[k])
        scores = []
        for h, (joints, wrist) in enumerate(hands_and_wrists(SIGNING_50)):
            difference = raw.keypoints - truth.keypoints
            off = np.linalg.norm(difference[:, joints] - difference[:, [wrist]], axis=2).mean(1)
            for what in ("lost", "swapped", "frozen"):
                chosen = np.where(getattr(events, what)[:, h], off, -1.0)
                frame = int(chosen.argmax())
                side = "left" if h == 0 else "right"
                scores.append((float(chosen[frame]), Shot(k, frame, f"{side} hand {what}")))
        candidates.append(max(scores, key=lambda pair: pair[0]))
    return [shot for score, shot in sorted(candidates, key=lambda pair: -pair[0])[:count] if score > 0]


def figure_7(place: Place) -> list[Path]:
    """Video, raw skeleton, Skeletor's and the truth of the chosen frames. InputError if the run is not there."""
    material = read_run(place.run, ["test"])
    shots = choose(material, SHOTS)
    row, refined = list(material.refined.items())[-1]  # the one with known motion, if the run has it
    names = ("video", "detection,\nlifted", NAMES[row], "truth")
    figure, axes = draw.grid(len(names), len(shots), 1.45)
    truths = material.references["truth"]
    view = draw.view_of(*(p[s.clip].keypoints[s.frame] for s in shots for p in (truths, material.lifted)), foot=0.35)
    for column, shot in enumerate(shots):
        k, t = shot.clip, shot.frame
        truth = truths[k].keypoints[t]
        picture = _picture(place.run, material.clips[k], t)
        axes[0][column].imshow(picture)
        axes[0][column].axis("off")
        axes[0][column].set_title(f"{shot.what}", fontsize=9)
        for axis, pose in zip(axes[1:, column], (material.lifted[k], refined[k], None), strict=True):
            draw.panel(axis, view)
            draw.skeleton(axis, truth, pale=pose is not None)
            if pose is not None:
                draw.skeleton(axis, pose.keypoints[t])
                cm = np.linalg.norm(pose.keypoints[t] - truth, axis=1).mean() * SHOULDERS_CM
                draw.below(axis, f"{cm:.1f} cm")
    for line, name in zip(axes, names, strict=True):
        draw.row_name(line[0], name)
    title = f"Figure 7. Broadcast quality: the {len(shots)} test clips with the worst frames"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    draw.legend(figure, "blue: left hand, orange: right hand, grey behind: the truth; cm: mean distance of all joints")
    return draw.save(figure, place.out, "figure7")


def _picture(run: Path, clip: tuple[str, str], frame: int) -> np.ndarray:
    with open_video(video_path(run / "corpus", *clip)) as video:
        return next(islice(video, frame, None))


def figure_8(place: Place) -> list[Path]:
    """Error over the length of a gap."""
    return draw.gap_curves(place.results / "table5.json", place.out)


def figure_9(place: Place) -> list[Path]:
    """Error over the strength of the noise."""
    return draw.noise_curves([place.results / "table3.json", place.results / "table4.json"], place.out)


FIGURES: tuple[Callable[[Place], list[Path]], ...] = (
    figure_3,
    figure_4,
    figure_5,
    figure_6,
    figure_7,
    figure_8,
    figure_9,
)


def make(request: Request, config: FiguresConfig) -> None:
    """Draw all, or those that are asked for; InputError if none could be drawn."""
    place = Place(request.work, request.results, request.finished)
    drawn = 0
    for figure in FIGURES:
        if config.only and int(figure.__name__.removeprefix("figure_")) not in config.only:
            continue
        try:
            log.info("%s: %s", figure.__name__, ", ".join(map(str, figure(place))))
            drawn += 1
        except InputError as error:
            log.warning("%s left out: %s", figure.__name__, error)
    if not drawn:
        raise InputError("no figure could be drawn; make the tables first (make tables)")
