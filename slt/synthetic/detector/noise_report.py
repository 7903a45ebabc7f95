"""Comparison of a simulated detector with the real one: the same statistics of both, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skeletor.poses.pose import PoseSequence
from slt.synthetic.detector.noise_events import (
    FROZEN,
    JOINTS,
    MISSING,
    OTHER,
    PARTS,
    SWAPPED,
    PartEvents,
    circumstances,
    events,
)

Pair = tuple[PoseSequence, PoseSequence]
QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99)
_GROUPS = {
    "nose": (0,),
    "neck": (1,),
    "shoulders": (2, 5),
    "elbows": (3, 6),
    "wrists": (4, 7),
    "left_hand": tuple(JOINTS["left_hand"]),
    "right_hand": tuple(JOINTS["right_hand"]),
}


@dataclass(frozen=True)
class Comparison:
    """Rows of (statistic, real value, simulated value); lengths in shoulder widths, runs in frames."""

    rows: tuple[tuple[str, float, float], ...]

    def __getitem__(self, name: str) -> tuple[float, float]:
        """(real, simulated) of one statistic; KeyError if there is none."""
        return {row[0]: row[1:] for row in self.rows}[name]

    def markdown(self) -> str:
        """A table in Markdown; lengths in shoulder widths, runs in frames."""
        lines = ["| statistic | real | simulated |", "|---|---|---|"]
        return "\n".join([*lines, *(f"| {name} | {a:.4g} | {b:.4g} |" for name, a, b in self.rows)]) + "\n"


def compare(real_pairs: Sequence[Pair], simulated_pairs: Sequence[Pair]) -> Comparison:
    """Statistics of two sets of (truth, detected) clips side by side; lengths in shoulder widths, runs in frames.

    For each joint group: quantiles of the error and of its change from frame to frame (found parts only, swapped
    ones against the hand they lie on); bias (x, y); for each part the share of frames missing, swapped, frozen, the
    mean and quantiles of the lengths of missing runs, the share missing by speed (slow, middle, fast third of the
    real clips' frames) and with the hands near each other; the confidence's quantiles and its rank correlations with
    speed and error. NaN where there is nothing to measure.
    """
    motion = {part: np.concatenate([circumstances(t)[part].motion for t, _ in real_pairs]) for part in PARTS}
    thirds = {part: np.quantile(values, [1 / 3, 2 / 3]) for part, values in motion.items()}
    real, simulated = _statistics(real_pairs, thirds), _statistics(simulated_pairs, thirds)
    return Comparison(tuple((name, real[name], simulated[name]) for name in real))


def _statistics(pairs: Sequence[Pair], thirds: dict[str, np.ndarray]) -> dict[str, float]:
    happened = [events(truth, detected) for truth, detected in pairs]
    around = [circumstances(truth) for truth, _ in pairs]
    result: dict[str, float] = {}
    for group, joints in _GROUPS.items():
        part = group if group in OTHER else "body"
        inside = np.searchsorted(JOINTS[part], joints)
        errors = [h[part].residual[:, inside] for h in happened]  # (T, K, 2) each
        _add_quantiles(result, f"{group} error", np.concatenate([np.linalg.norm(e, axis=2).ravel() for e in errors]))
        changes = [_changes(h[part].state, h[part].residual[:, inside]) for h in happened]
        _add_quantiles(result, f"{group} change", np.concatenate(changes))
        flat = np.concatenate(errors).reshape(-1, 2)
        flat = flat[np.isfinite(flat[:, 0])]
        for axis, name in enumerate("xy"):
            result[f"{group} bias {name}"] = float(np.median(flat[:, axis])) if len(flat) else np.nan
    for part in PARTS:
        state = np.concatenate([h[part].state for h in happened])
        motion = np.concatenate([a[part].motion for a in around])
        near = np.concatenate([a[part].nearness for a in around]) < np.log(0.35 + 0.1)
        result[f"{part} missing"] = float((state == MISSING).mean())
        result[f"{part} swapped"] = float((state == SWAPPED).mean())
        result[f"{part} frozen"] = float((state == FROZEN).mean())
        speed_class = np.digitize(motion, thirds[part])
        for k, name in enumerate(("slow", "middle", "fast")):
            result[f"{part} missing, {name}"] = _share(state[speed_class == k] == MISSING)
        result[f"{part} missing, hands near"] = _share(state[near] == MISSING)
        for label, kind in (("missing", MISSING), ("swapped", SWAPPED)):
            runs = np.concatenate([run_lengths(h[part].state == kind) for h in happened])
            result[f"{part} {label} run mean"] = float(runs.mean()) if len(runs) else np.nan
            result[f"{part} {label} run q90"] = float(np.quantile(runs, 0.9)) if len(runs) else np.nan
        _add_confidence(result, part, happened, motion)
    return result


def _add_confidence(
    result: dict[str, float], part: str, happened: list[dict[str, PartEvents]], motion: np.ndarray
) -> None:
    """Quantiles of the mean confidence of a part's found frames, and what it goes with."""
    confidence = np.concatenate([h[part].confidence.mean(1) for h in happened])
    error = np.concatenate([_mean_error(h[part].residual) for h in happened])
    found = np.concatenate([h[part].state != MISSING for h in happened])
    for q in (0.05, 0.5, 0.95):
        result[f"{part} confidence q{100 * q:g}"] = float(np.quantile(confidence[found], q)) if found.any() else np.nan
    result[f"{part} confidence~speed"] = _rank_correlation(confidence[found], motion[found])
    result[f"{part} confidence~error"] = _rank_correlation(confidence[found], error[found])


def _mean_error(residual: np.ndarray) -> np.ndarray:
    """(T,) mean length of (T, J, 2) residuals; 0 where nothing was found."""
    length = np.linalg.norm(residual, axis=2)
    seen = np.isfinite(length)
    mean: np.ndarray = np.where(seen, length, 0).sum(1) / np.maximum(seen.sum(1), 1)
    return mean


def run_lengths(flags: np.ndarray) -> np.ndarray:
    """Lengths of the runs of True in (T,) flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return edges[1::2] - edges[::2]


def _changes(state: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Lengths of the residual's steps between neighbouring frames of one state."""
    steps = np.linalg.norm(np.diff(residual, axis=0), axis=2)  # (T-1, K)
    within: np.ndarray = steps[state[1:] == state[:-1]].ravel()
    return within


def _add_quantiles(result: dict[str, float], name: str, values: np.ndarray) -> None:
    values = values[np.isfinite(values)]
    for q in QUANTILES:
        result[f"{name} q{100 * q:g}"] = float(np.quantile(values, q)) if len(values) else np.nan


def _share(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else np.nan


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation; NaN if one of them is constant."""
    from scipy.stats import rankdata

    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
