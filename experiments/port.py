"""`make port`: 2D refiners of hands on the CMU Panoptic hands, by five folds without video overlap.

    python -m experiments.port [experiments/port.yaml] [--data FILE --folds FILE]

Thresholds, shares and hyperparameters are chosen inside the training folds: PORT trains on three, chooses its
threshold on the fourth, and trains again on all four (`refit`); the Gaussian chooses over its four training folds.
Trainings are kept under runs/port. Writes experiments/results/port.md and port.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from pydantic import Field

from skeletor.files.atomic import atomic_path, write_text
from skeletor.poses.pose import file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners2d.alignment import align
from skeletor.refiners2d.gaussian import GaussianPrior, choose_gaussian, fit_gaussian
from skeletor.refiners2d.port import PortModel, build_port, choose_port
from skeletor.refiners2d.port_config import PortConfig
from skeletor.refiners2d.port_training import train_port
from skeletor.support.config import Config, load_config
from skeletor.support.errors import InputError, SkeletorError
from skeletor.support.progress import log, log_to, progress
from slt.pipeline.cache.stage import stage_key

WORK, RESULTS = Path("runs/port"), Path("experiments/results")
SHRINK = 0.96
_HAND = SIGNING_50.group("right_hand")
BONES = tuple((_HAND.index(p), _HAND.index(j)) for p, j in SIGNING_50.bones if p in _HAND and j in _HAND)


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
            raise InputError(f"{path}: no such file; give the Panoptic hands with --data and their folds with --folds")
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
        base = tables["rows"][0]
        lines += [f"### {TITLES[name]}", "", _HEAD, "|---" + "|---:" * (_HEAD.count("|") - 2) + "|"]
        for row in rows:
            paper = ["-" if v is None else f"{v:.2f}" for v in row["published"] or (None, None)]
            cells = [f"{row[m]:.4f} ({row[m] - base[m]:+.2f})" for m in ("epe", "p_epe", "p_epe_code")]
            moved, chosen = f"{row['moved']:.1%}", ", ".join(row["chosen"]) or "-"
            size = f"{row['parameters']:,}" if row["parameters"] else "-"
            lines.append("| " + " | ".join([row["name"], *cells, *paper, moved, chosen, size]) + " |")
        lines.append("")
    return "\n".join([*lines, "Made by `make port`.\n"])


TITLES = {
    "rows": "2D refiners on the Panoptic hands",
    "projection": "PORT's feature projection (the paper's Table III a)",
    "masking": "PORT's masking ratio (Table III b)",
}
_HEAD = (
    "| refiner | EPE | P-EPE | P-EPE as the paper's code | published: EPE | published: P-EPE | joints moved "
    "| chosen per fold | parameters |"
)
_NOTE = """846 hands, 21 joints, detected by MobileNetv2; pixels; five folds without video overlap, about 677 training
hands each. EPE: relative to the wrist. P-EPE: the refined hand brought onto the truth by a similarity; the paper's code
brings the truth onto the refined hand, which rewards small hands. Published figures: the paper's, trained on the full
training set, with its code's P-EPE. Chosen, inside the training folds: the noise scale / penalty of the Gaussian, the
confidence threshold of PORT, the believed share of its correction. In brackets: against the baseline."""


def main(argv: list[str] | None = None) -> int:
    """Make and print the tables; 2 if the data are not there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("config", type=Path, nargs="?", default=Path("experiments/port.yaml"))
    parser.add_argument("--data", type=Path, help="port_panoptic_test.npz")
    parser.add_argument("--folds", type=Path, help="port_folds.npz")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args(argv)
    log_to()
    try:
        text = make(load_config(args.config, PortTable), args.data, args.folds, args.work, args.results)
    except SkeletorError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(text)
    return 0


def make(config: PortTable, data: Path | None, folds: Path | None, work: Path, results: Path) -> str:
    """All tables as Markdown. They are written after each row, so that a run that is stopped leaves what it has."""
    data, folds = data or Path(config.data), folds or Path(config.folds)
    hands = read_hands(data, folds)
    key = file_sha256(data) + file_sha256(folds)
    wanted = [(name, row) for name in TITLES for row in getattr(config, name)]
    tables: dict[str, list[dict[str, Any]]] = {}
    text = ""
    for count, (name, row) in enumerate(progress(wanted, "port", total=len(wanted), unit="row"), 1):
        made = make_row(row, hands, config.seed, work, key)
        tables.setdefault(name, []).append(made)
        log.info("%s: EPE %.4f, P-EPE %.4f", row.name, made["epe"], made["p_epe"])
        left = [other.name for _, other in wanted[count:]]
        text = markdown(tables, left)
        write_text(results / "port.md", text)
        write_text(results / "port.json", json.dumps({**tables, "not_made_yet": left}, indent=1) + "\n")
    return text


if __name__ == "__main__":
    sys.exit(main())
