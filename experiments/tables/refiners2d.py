"""2D refiners: on the CMU Panoptic hands (`make port`), and in the chain (`make port RUN=runs/demo`).

`port`: five folds without video overlap. Thresholds, shares and hyperparameters are chosen inside the training folds:
PORT trains on three, chooses its threshold on the fourth, and trains again on all four (`refit`); the Gaussian chooses
over its four training folds. `refine2d`: 2D and lifted 3D errors on the real detections of a finished run's test clips;
each refiner is fitted as `slt run` does it, to the training clips' detections and true 2D.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from pydantic import Field

from experiments.report import table, write_files
from experiments.request import Request
from skeletor.files.atomic import atomic_path
from skeletor.io.store import open_store
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.metrics import pose_errors
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.registry import Refiner
from skeletor.refiners2d.alignment import align
from skeletor.refiners2d.fit import fit_refiner_2d
from skeletor.refiners2d.gaussian import GaussianPrior, choose_gaussian, fit_gaussian
from skeletor.refiners2d.port.config import PortConfig
from skeletor.refiners2d.port.model import PortModel, build_port, choose_port
from skeletor.refiners2d.port.training import train_port
from skeletor.refiners2d.registry import REFINERS_2D, FittedOptions, Refiner2D
from skeletor.support.config import Config, load_config
from skeletor.support.errors import InputError
from skeletor.support.progress import log, progress
from slt.pipeline.cache.stage import stage_key
from slt.pipeline.config import RunConfig

SHRINK = 0.96
_HAND = SIGNING_50.group("right_hand")
BONES = tuple((_HAND.index(p), _HAND.index(j)) for p, j in SIGNING_50.bones if p in _HAND and j in _HAND)
GROUPS_3D = ("all", "body", "left_hand", "right_hand", "hands_relative")


class RowConfig(Config):
    """One row. frame: of PORT, `picture` is the paper's. mirror: left hands are mirrored to right ones. correct: the
    Gaussian may have a correction. refit: PORT is trained again on all four training folds.
    published: the paper's EPE and P-EPE, from its own training set."""

    name: str
    kind: Literal["none", "shrink", "gaussian", "port"]
    frame: Literal["picture", "shape"] = "shape"
    mirror: bool = True
    correct: bool = True
    refit: bool = True
    port: PortConfig = PortConfig()
    published: list[float | None] | None = Field(default=None, min_length=2, max_length=2)


class PortTable(Config):
    """The whole experiment. paper, fixed, ablated: only there to be referred to in the YAML."""

    data: str
    folds: str
    seed: int = Field(ge=0)
    paper: PortConfig
    fixed: PortConfig
    ablated: PortConfig
    rows: list[RowConfig]
    projection: list[RowConfig]
    masking: list[RowConfig]


@dataclass(frozen=True, eq=False)
class Hands:
    """The 846 hands: truth, detected (F, 21, 2) in pixels, confidence (F, 21), size (F, 2), left (F,), folds (F,)."""

    truth: np.ndarray
    detected: np.ndarray
    confidence: np.ndarray
    size: np.ndarray
    left: np.ndarray
    folds: np.ndarray

    def of(self, chosen: np.ndarray) -> Hands:
        """Those that a mask (F,) chooses."""
        arrays = (self.truth, self.detected, self.confidence, self.size, self.left, self.folds)
        truth, detected, confidence, size, left, folds = (array[chosen] for array in arrays)
        return Hands(truth, detected, confidence, size, left, folds)

    def mirrored(self) -> Hands:
        """Left hands as right ones."""
        sign = np.where(self.left[:, None, None], (-1, 1), (1, 1))
        return replace(self, truth=self.truth * sign, detected=self.detected * sign)


def read_hands(data: Path, folds: Path) -> Hands:
    """Read both files; InputError if one is not there or not of that form."""
    for path in (data, folds):
        if not path.is_file():
            raise InputError(f"{path}: no such file; give it with --set data=FILE (hands) or folds=FILE")
    try:
        with np.load(data, allow_pickle=False) as file, np.load(folds, allow_pickle=False) as other:
            truth, detected, confidence, size = (
                np.asarray(file[name], np.float64) for name in ("gt", "pred", "conf", "wh")
            )
            left = np.array([str(name).rsplit(".", 1)[0].endswith("_l") for name in file["names"]])
            numbers = np.asarray(other["folds"])
    except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
        raise InputError(f"{data} or {folds}: not the files that are expected ({error})") from error
    return Hands(truth, detected, confidence, size, left, numbers)


def epe(refined: np.ndarray, truth: np.ndarray) -> float:
    """End point error: mean distance of joints (F, 21, 2), both relative to their wrists."""
    return float(np.linalg.norm((refined - refined[:, :1]) - (truth - truth[:, :1]), axis=2).mean())


def p_epe(moved: np.ndarray, fixed: np.ndarray) -> float:
    """Mean distance after the similarity that brings `moved` (F, 21, 2) nearest to `fixed`."""
    place = align(moved, fixed, np.ones(moved.shape[:2]))
    return float(np.linalg.norm(place.apply(moved) - fixed, axis=2).mean())


def measures(refined: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """EPE, P-EPE (refined onto truth), and the paper's code's (truth onto refined)."""
    return {"epe": epe(refined, truth), "p_epe": p_epe(refined, truth), "p_epe_code": p_epe(truth, refined)}


def refine_fold(row: RowConfig, hands: Hands, fold: int, seed: int) -> tuple[np.ndarray, str]:
    """The refined hands of one fold, learned from the others, and what was chosen."""
    held = hands.folds == fold
    rest, test = hands.of(~held), hands.of(held)
    if row.kind == "gaussian":
        return _gaussian(row, rest, test)
    own = np.unique(hands.folds)
    choose = rest.folds == own[(list(own).index(fold) + 1) % len(own)]
    model = _train(row, rest.of(~choose), seed)
    on = rest.of(choose)
    chosen, _ = choose_port(model, on.truth, on.detected, on.confidence, on.size)
    if row.refit:
        again = _train(row, rest, seed)
        chosen = replace(again, threshold=chosen.threshold, share=chosen.share)
    what = f"{chosen.threshold:g}" if row.port.learn == "masked" else f"{chosen.share:g}"
    return chosen.refine(test.detected, test.confidence, test.size), what


def _gaussian(row: RowConfig, rest: Hands, test: Hands) -> tuple[np.ndarray, str]:
    prior, what = _prior(rest, row.correct)
    return prior.refine(test.detected, test.confidence), what


def _prior(hands: Hands, correct: bool) -> tuple[GaussianPrior, str]:
    data = hands.truth, hands.detected, hands.confidence
    options: dict[str, Any] = {} if correct else {"penalties": (None,)}
    scale, penalty, _ = choose_gaussian(*data, hands.folds, **options)
    return fit_gaussian(*data, scale, penalty), f"{scale:g}" + (f" / {penalty:g}" if penalty is not None else "")


def _train(row: RowConfig, hands: Hands, seed: int) -> PortModel:
    prior = None if row.frame == "picture" else _prior(hands, row.port.learn == "errors")[0]
    data = hands.truth, hands.detected, hands.confidence
    net = train_port(*data, BONES, row.port, seed, prior, hands.size)
    return PortModel(net, prior, row.port.learn)


def make_row(row: RowConfig, hands: Hands, seed: int, work: Path, data_key: str) -> dict[str, Any]:
    """Measures of one row; what its folds gave is kept in `work`."""
    key_points = hands.mirrored() if row.mirror else hands
    refined = key_points.detected.copy()
    chosen: list[str] = []
    if row.kind == "shrink":
        refined = refined[:, :1] + SHRINK * (refined - refined[:, :1])
    elif row.kind != "none":
        for fold in np.unique(hands.folds):
            values = row.model_dump(mode="json", exclude={"name", "published"})
            file = work / f"{stage_key({**values, 'seed': seed, 'fold': int(fold)}, (data_key,), (refine_fold,))}.npz"
            if not file.exists():
                part, what = refine_fold(row, key_points, int(fold), seed)
                with atomic_path(file) as temporary:
                    np.savez(temporary, refined=part, chosen=np.array(what))
            with np.load(file, allow_pickle=False) as kept:
                refined[hands.folds == fold] = kept["refined"]
                chosen.append(str(kept["chosen"]))
    parameters = sum(p.numel() for p in build_port(row.port, 21, BONES).parameters()) if row.kind == "port" else 0
    return {
        "name": row.name,
        **measures(refined, key_points.truth),
        "moved": float((np.abs(refined - key_points.detected).max(2) > 1e-3).mean()),
        "chosen": chosen,
        "parameters": parameters,
        "published": row.published,
    }


def markdown(tables: dict[str, list[dict[str, Any]]], left: list[str]) -> str:
    """All tables as Markdown; left: the rows that are still to be made."""
    lines = [_NOTE, ""]
    if left:
        lines += [
            f"**Not finished**: {len(left)} rows are still to be made ({'; '.join(left)}); `make port` goes on.",
            "",
        ]
    for name, rows in tables.items():
        base, body = tables["rows"][0], []
        for row in rows:
            paper = ["-" if v is None else f"{v:.2f}" for v in row["published"] or (None, None)]
            cells = [f"{row[m]:.4f} ({row[m] - base[m]:+.2f})" for m in ("epe", "p_epe", "p_epe_code")]
            moved, chosen = f"{row['moved']:.1%}", ", ".join(row["chosen"]) or "-"
            size = f"{row['parameters']:,}" if row["parameters"] else "-"
            body.append([row["name"], *cells, *paper, moved, chosen, size])
        lines += [f"### {TITLES[name]}", "", *table(_HEAD, body), ""]
    return "\n".join([*lines, "Made by `make port`.\n"])


TITLES = {
    "rows": "2D refiners on the Panoptic hands",
    "projection": "PORT's feature projection (the paper's Table III a)",
    "masking": "PORT's masking ratio (Table III b)",
}
_HEAD = (
    "refiner", "EPE", "P-EPE", "P-EPE as the paper's code", "published: EPE", "published: P-EPE", "joints moved",
    "chosen per fold", "parameters",
)  # fmt: skip
_NOTE = """846 hands, 21 joints, detected by MobileNetv2; pixels; five folds without video overlap, about 677 training
hands each. EPE: relative to the wrist. P-EPE: the refined hand brought onto the truth by a similarity; the paper's code
brings the truth onto the refined hand, which rewards small hands. Published figures: the paper's, trained on the full
training set, with its code's P-EPE. Chosen, inside the training folds: the noise scale / penalty of the Gaussian, the
confidence threshold of PORT, the believed share of its correction. In brackets: against the baseline."""


def make(request: Request, config: PortTable) -> None:
    """All tables. They are written after each row, so that a run that is stopped leaves what it has."""
    data, folds = Path(config.data), Path(config.folds)
    hands = read_hands(data, folds)
    key = file_sha256(data) + file_sha256(folds)
    wanted = [(name, row) for name in TITLES for row in getattr(config, name)]
    tables: dict[str, list[dict[str, Any]]] = {}
    for count, (name, row) in enumerate(progress(wanted, "port", total=len(wanted), unit="row"), 1):
        made = make_row(row, hands, config.seed, request.work, key)
        tables.setdefault(name, []).append(made)
        log.info("%s: EPE %.4f, P-EPE %.4f", row.name, made["epe"], made["p_epe"])
        left = [other.name for _, other in wanted[count:]]
        values = {**request.about(config, config.seed), **tables, "not_made_yet": left}
        write_files(request.results, request.name, markdown(tables, left), values, show=not left)


def fitted(name: str, run: Path, seed: int) -> Refiner | None:
    """The refiner, fitted to a run's training clips; None for `none`."""
    if name == "none":
        return None
    config = REFINERS_2D.parse({"name": name})
    if not isinstance(config, FittedOptions):
        raise InputError(f"{name}: is not fitted; leave it out")
    truth, detected = open_store(run / "corpus" / "truth2d" / "train"), open_store(run / "poses" / "train")
    return Refiner2D(fit_refiner_2d(truth, detected, config, seed)[0])


def planar_errors(poses: Sequence[PoseSequence], truth: Sequence[PoseSequence]) -> dict[str, float]:
    """Mean and median errors of hand joints in palm lengths, as they are and relative to the hand's root, and the
    mean error of body joints in shoulder widths.

    A palm is as long as the clip ever shows it (95 % quantile): seen end-on it is no measure.
    """
    hands, relative, body = [], [], []
    for pose, true in zip(poses, truth, strict=True):
        p, t = pose.keypoints.astype(np.float64), true.keypoints.astype(np.float64)
        width = np.median(np.linalg.norm(t[:, 5] - t[:, 2], axis=1))
        body.append(np.linalg.norm(p[:, :8] - t[:, :8], axis=2).ravel() / width)
        for side in ("left_hand", "right_hand"):
            joints = list(SIGNING_50.group(side))
            palm = np.quantile(np.linalg.norm(t[:, joints[9]] - t[:, joints[0]], axis=1), 0.95)
            error = p[:, joints] - t[:, joints]
            hands.append(np.linalg.norm(error, axis=2).ravel() / palm)
            relative.append(np.linalg.norm(error - error[:, :1], axis=2).ravel() / palm)
    every, own, rest = (np.concatenate(x) for x in (hands, relative, body))
    return {
        "hands": float(np.nanmean(every)),
        "hands_median": float(np.nanmedian(every)),
        "hands_relative": float(np.nanmean(own)),
        "body": float(np.nanmean(rest)),
    }


def in_chain(name: str, run: Path, seed: int, raw: Mapping[str, PoseSequence]) -> dict[str, Any]:
    """One row."""
    start = time.process_time()
    refiner = fitted(name, run, seed)
    fitting = time.process_time() - start
    names = sorted(raw)
    poses = [raw[n] for n in names]
    start = time.process_time()
    refined = poses if refiner is None else refiner.many(poses)
    speed = sum(map(len, poses)) / max(time.process_time() - start, 1e-9)
    flat, deep = open_store(run / "corpus" / "truth2d" / "test"), open_store(run / "corpus" / "truth" / "test")
    lifted = build_lifter(FastOptions(absent="filled")).many(refined)
    errors = pose_errors(lifted, [normalise(deep[n]) for n in names])
    return {
        "name": name,
        "planar": planar_errors(refined, [flat[n] for n in names]),
        "lifted": {group: errors.mpjpe[group] for group in GROUPS_3D},
        "fit_seconds": fitting,
        "frames_per_second": speed if refiner else None,
        "clips": len(names),
    }


def chain_markdown(rows: Sequence[Mapping[str, Any]], run: Path) -> str:
    """The table as Markdown."""
    head = ("2D refiner", "hands, mean", "median", "from the root", "body", "lifted: all", "body", "left hand",
            "right hand", "hands from their wrists", "CPU s to fit", "frames/CPU s")  # fmt: skip
    note = (
        f"Real detections of the {rows[0]['clips']} test clips of {run}; refiners fitted to its training clips. "
        "2D: hands in palm lengths, body in shoulder widths; lifted (`fast`): MPJPE in shoulder widths against the "
        "true motion."
    )
    body = []
    for row in rows:
        cells = [f"{v:.4f}" for v in (*row["planar"].values(), *row["lifted"].values())]
        speed = "-" if row["frames_per_second"] is None else f"{row['frames_per_second']:,.0f}"
        body.append([row["name"], *cells, f"{row['fit_seconds']:.0f}", speed])
    return "\n".join([note, "", *table(head, body), "", "Made by `make port RUN=<folder of a run>`."])


class Refine2DTable(Config):
    """only: the 2D refiners to compare."""

    only: list[str] = Field(list(REFINERS_2D.names()))


def make_in_chain(request: Request, config: Refine2DTable) -> None:
    """The table of a finished run. InputError if it is not there or not of a rendered corpus."""
    run = request.finished
    raw = open_store(run / "estimated" / "test")
    if not raw or not (run / "corpus" / "truth2d").is_dir():
        raise InputError(f"{run}: no finished run of a rendered corpus; run `make pipeline`, or give --run")
    seed = load_config(run / "config.json", RunConfig).seed
    rows = []
    for name in config.only:
        rows.append(in_chain(name, run, seed, raw))
        log.info("%s: %s", name, rows[-1])
    values = {**request.about(config, seed), "rows": rows}
    write_files(request.results, request.name, chain_markdown(rows, run), values)
