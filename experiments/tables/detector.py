"""Table 6: real detections of rendered broadcast video, lifted and refined, against the truth.

What a detector did wrong is told from the true 2D; hands that stand still are told from the detections alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter1d

from experiments.report import Result, labelled, markdown, number
from experiments.tables.compare import SHOULDERS_CM, network, of_file, smoothers
from experiments.tables.config import DetectorTable
from experiments.tables.data import store_key
from experiments.tables.training import Clips, Job, train_all
from skeletor.io.store import open_store
from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.metrics import PoseErrors, pose_errors
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

GROUPS = ("all", "body", "hands", "hands_relative")
# The run's own rows with networks, by their folders; the second is not in every run.
NETWORKS = {"skeletor": "Skeletor (the run's)", "skeletor-motion": "Skeletor (the run's, known motion)"}
REFERENCES = {"truth": "the truth", "lift": "the lift of the true 2D"}
SLOW_FRAMES = 25  # a second: what changes more slowly is `slow` in `error_parts`


@dataclass
class Material:
    """The clips of a finished run, in one order: detections and true 2D (pixels), lifts and truth (shoulder widths).

    clips: (part, name) of each.
    """

    clips: list[tuple[str, str]] = field(default_factory=list)
    detected: list[PoseSequence] = field(default_factory=list)
    planar: list[PoseSequence] = field(default_factory=list)
    lifted: list[PoseSequence] = field(default_factory=list)
    refined: dict[str, list[PoseSequence]] = field(default_factory=dict)
    references: dict[str, list[PoseSequence]] = field(default_factory=lambda: {name: [] for name in REFERENCES})


def read_run(folder: Path, parts: Sequence[str], limit: int | None = None) -> Material:
    """Read a run's folder; InputError if it is not one of rendered video with a Skeletor row, or not finished."""
    material = Material()
    for part in parts:
        stores = [open_store(folder / place / part) for place in ("estimated", "corpus/truth2d", "lifted")]
        refined = {row: open_store(folder / "refined" / row / part) for row in NETWORKS}
        refined = {row: store for row, store in refined.items() if store}
        references = [open_store(folder / "truth" / part), open_store(folder / "lifted" / f"true-{part}")]
        names = sorted(set(references[0]).intersection(*stores, *references, *refined.values()))[:limit]
        if not names or not refined:
            raise InputError(f"{folder}: no finished run of rendered video; make one with `slt run configs/demo.yaml`")
        for target, store in zip((material.detected, material.planar, material.lifted), stores, strict=True):
            target += [store[n] for n in names]
        for row, store in refined.items():
            material.refined.setdefault(row, []).extend(store[n] for n in names)
        material.clips += [(part, name) for name in names]
        for key, store in zip(REFERENCES, references, strict=True):
            material.references[key] += [store[n] for n in names]
    return material


def make(config: DetectorTable, work: Path) -> Result:
    """Train what the run did not, refine, compare, and lay out."""
    folder = Path(config.run)
    material = read_run(folder, config.parts, config.clips)
    ready = [of_file(label, weights) for label, weights in config.refiners.items()]
    jobs = jobs_of(config, folder)
    done = train_all(jobs, work / "models", config.workers)
    outputs = {m.label: m.refiner.many(material.lifted) for m in smoothers(config.smoothers)}
    outputs |= {
        j.spec.label: network(j.spec, d.folder).refiner.many(material.lifted) for j, d in zip(jobs, done, strict=True)
    }
    outputs |= {NETWORKS[row]: poses for row, poses in material.refined.items()}
    outputs |= {m.label: m.refiner.many(material.lifted) for m in ready}
    events = [hand_events(*pair) for pair in zip(material.detected, material.planar, strict=True)]
    frames = sum(map(len, material.lifted))
    sections = [f"{len(events)} clips, {frames} frames of {folder.name}.\n"]
    numbers: dict[str, Any] = {"frames": frames}
    for key, title in REFERENCES.items():
        for make_section in (_overall, _by_band, _by_event):
            text, values = make_section(config, outputs, material, events, key, title)
            sections.append(text)
            numbers[f"{make_section.__name__.strip('_')}, {key}"] = values
    text, numbers["parts"] = _decomposed(config, outputs, material)
    return Result([*sections, text], numbers)


def jobs_of(config: DetectorTable, folder: Path) -> list[Job]:
    """The networks of the config on the run's own training clips, in its two ways."""
    lifted, truth = folder / "lifted", folder / "truth" / "train"
    bad = lifted / "studio_degraded"
    key = store_key(bad)
    studio = tuple(
        Clips(lifted / part, store_key(lifted / part) + key, degraded=bad) for part in ("studio", "studio_motion")
    )
    jobs = [Job(spec, studio, config.seed) for spec in config.specs]
    if config.motion_models:
        seen = lifted / "train"
        known = (Clips(truth, store_key(truth) + store_key(seen), degraded=seen, one_scale=False),)
        jobs += [Job(spec, known, config.seed) for spec in config.with_steps(config.motion_models)]
    return jobs


Outputs = dict[str, list[PoseSequence]]


def _overall(
    config: DetectorTable, outputs: Outputs, material: Material, events: list[HandEvents], key: str, title: str
) -> tuple[str, dict[str, Any]]:
    errors: dict[str, PoseErrors] = {
        label: pose_errors(poses, material.references[key]) for label, poses in outputs.items()
    }
    head = ["", *(f"MPJPE {g.replace('_', ' ')}, cm" for g in GROUPS), "misses PCK@.15, %", "acceleration, cm/frame²",
            "bone error, cm", "bone jitter, %"]  # fmt: skip
    values = {
        label: [
            *(e.mpjpe[g] * SHOULDERS_CM for g in GROUPS),
            100 * (1 - e.pck),
            e.acceleration["all"] * SHOULDERS_CM,
            e.bone * SHOULDERS_CM,
            100 * e.bone_jitter,
        ]
        for label, e in errors.items()
    }
    return markdown(f"Against {title}", head, labelled(values)), {label: e.as_dict() for label, e in errors.items()}


def _by_band(
    config: DetectorTable, outputs: Outputs, material: Material, events: list[HandEvents], key: str, title: str
) -> tuple[str, dict[str, Any]]:
    """Mean distance of joints of the hands by what the detector said of its certainty."""
    hands = [j for joints, _ in hands_and_wrists(SIGNING_50) for j in joints]
    sure = np.concatenate([p.confidence[:, hands] for p in material.detected])  # (F, 42)
    edges = [0.0, 1e-6, *config.bands, 1.0 + 1e-6]
    inner = ["0", *(f"{edge:g}" for edge in config.bands), "1"]
    names = ["missing", *(f"{low} to {high}" for low, high in pairwise(inner))]
    band = np.digitize(sure, edges[1:-1])
    rows = {}
    for label, poses in outputs.items():
        distance = _distances(poses, material.references[key])[:, hands]
        rows[label] = {name: _mean(distance[band == k]) for k, name in enumerate(names)}
    body = labelled({label: list(row.values()) for label, row in rows.items()})
    shares = {name: float((band == k).mean()) for k, name in enumerate(names)}
    body.append(["share of joints", *(f"{s:.1%}" for s in shares.values())])
    text = markdown(f"Hands against {title}, by the detector's confidence: mean distance in cm", ["", *names], body)
    return text, {"rows": rows, "shares": shares}


def _by_event(
    config: DetectorTable, outputs: Outputs, material: Material, events: list[HandEvents], key: str, title: str
) -> tuple[str, dict[str, Any]]:
    """Mean distance of the joints of lost, swapped, frozen and sound hands."""
    kinds = {name: np.concatenate([getattr(e, name) for e in events]) for name in ("lost", "swapped", "frozen")}
    kinds["sound"] = ~np.any(list(kinds.values()), axis=0)  # (F, 2)
    rows: dict[str, dict[str, float]] = {}
    for label, poses in outputs.items():
        distance = _distances(poses, material.references[key])
        per_hand = np.stack([distance[:, joints].mean(1) for joints, _ in hands_and_wrists(SIGNING_50)], 1)  # (F, 2)
        rows[label] = {name: _mean(per_hand[chosen]) for name, chosen in kinds.items()}
    body = labelled({label: list(row.values()) for label, row in rows.items()})
    counts = {name: int(chosen.sum()) for name, chosen in kinds.items()}
    body.append(["hands × frames", *map(str, counts.values())])
    note = "Told from the true 2D, see `experiments.tables.detector.hand_events`."
    text = markdown(f"Hands against {title}, by what the detector did: mean distance in cm", ["", *kinds], body, note)
    return text, {"rows": rows, "counts": counts}


def _decomposed(config: DetectorTable, outputs: Outputs, material: Material) -> tuple[str, dict[str, Any]]:
    """Where the error is: static, slow and fast, in the picture plane and in depth."""
    truth = material.references["truth"]
    shown = ("nothing done", *NETWORKS.values(), *config.refiners)
    cases = {label: outputs[label] for label in shown if label in outputs}
    cases["the lift of the true 2D"] = material.references["lift"]
    rows: dict[str, dict[str, float]] = {}
    for label, poses in cases.items():
        squares: dict[str, float] = {}
        for pose, true in zip(poses, truth, strict=True):
            difference = np.nan_to_num(
                pose.keypoints.astype(np.float64) - true.keypoints
            )  # an absent hand has no error
            for name, part in error_parts(difference).items():
                for plane, axes in (("xy", slice(0, 2)), ("z", slice(2, 3))):
                    squares[f"{name} {plane}"] = squares.get(f"{name} {plane}", 0.0) + (part[..., axes] ** 2).sum()
        count = sum(p.confidence.size for p in poses)
        rows[label] = {name: float(np.sqrt(value / count) * SHOULDERS_CM) for name, value in squares.items()}
    head = ["", *next(iter(rows.values()))]
    body = [[label, *(number(v) for v in row.values())] for label, row in rows.items()]
    note = (
        "Root mean square over joints and frames. static: the mean error of a joint in a clip; slow: the mean over a "
        "second, less that; fast: the rest. The last row is what perfect detections would leave: the lifter's own."
    )
    return markdown("Where the error against the truth is, cm", head, body, note), rows


def _distances(poses: Sequence[PoseSequence], references: Sequence[PoseSequence]) -> np.ndarray:
    """(F, J) distances in cm over all clips."""
    pairs = zip(poses, references, strict=True)
    return np.concatenate([np.linalg.norm(p.keypoints - r.keypoints, axis=2) for p, r in pairs]) * SHOULDERS_CM


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if values.size and np.isfinite(values).any() else float("nan")


@dataclass(frozen=True)
class HandEvents:
    """(T, 2) bool for the left and the right hand. A swapped hand is not also frozen."""

    lost: np.ndarray
    swapped: np.ndarray
    frozen: np.ndarray


def hand_events(detected: PoseSequence, true: PoseSequence) -> HandEvents:
    """Lost, swapped and frozen hands of a detection in 2D, told with the truth in the same pixels.

    A hand is *lost* where a joint of it is missing. It is *swapped* where it is more than a palm's length away from
    itself, and less than half as far from the other hand. It is *frozen* where the true hand moved by more than a
    tenth of a palm since the frame before, and the detection by less than a quarter of that. Distances are means
    over the hand's joints; a palm is as long as the clip ever shows it (95 % quantile of root to middle knuckle).
    """
    hands = [joints for joints, _ in hands_and_wrists(true.skeleton)]
    frames = len(true)
    lost, swapped, frozen = (np.zeros((frames, 2), bool) for _ in range(3))
    for k, own in enumerate(hands):
        found, here, there = detected.keypoints[:, own], true.keypoints[:, own], true.keypoints[:, hands[1 - k]]
        palm = float(np.quantile(np.linalg.norm(here[:, 9] - here[:, 0], axis=1), 0.95))
        lost[:, k] = np.isnan(found).any((1, 2))
        off, off_other = _distance(found, here), _distance(found, there)
        swapped[:, k] = (off > palm) & (off_other < 0.5 * off)  # NaN compares as False
        moved, should = _moved(found), _moved(here)
        frozen[:, k] = (should > 0.1 * palm) & (moved < 0.25 * should) & ~swapped[:, k]
    return HandEvents(lost, swapped, frozen)


def standing_hands(pose: PoseSequence, tolerance: float) -> np.ndarray:
    """(T, J) bool: joints of a hand whose shape did not change at all since the frame before.

    A real hand is never quite still, so the estimator has put out its last result again. tolerance: the largest
    motion of a joint relative to the hand's root that counts as none, in the units of the pose.
    """
    result = np.zeros(pose.confidence.shape, bool)
    for joints, _ in hands_and_wrists(pose.skeleton):
        shape = pose.keypoints[:, joints] - pose.keypoints[:, joints[:1]]
        still = np.abs(np.diff(shape, axis=0)).max((1, 2), initial=0.0) < tolerance
        result[1:, joints] = still[:, None]
    return result


def error_parts(difference: np.ndarray) -> dict[str, np.ndarray]:
    """An error (T, J, 3) as the sum of three: static (mean of the clip), slow, and fast, each (T, J, 3).

    slow: the mean over SLOW_FRAMES frames less the clip's. No refiner that looks at one clip can know the static
    part, which is one wrong length or depth all the time; smoothing can take away the fast part alone.
    """
    static = np.broadcast_to(difference.mean(0, keepdims=True), difference.shape)
    slow = uniform_filter1d(difference, SLOW_FRAMES, axis=0, mode="nearest") - static
    return {"static": static, "slow": slow, "fast": difference - static - slow}


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(a - b, axis=2).mean(1))


def _moved(points: np.ndarray) -> np.ndarray:
    result = np.zeros(len(points))
    result[1:] = np.linalg.norm(np.diff(points, axis=0), axis=2).mean(1)
    return result
