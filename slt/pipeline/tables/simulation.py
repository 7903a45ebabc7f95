"""Comparison of simulated detections with real ones, on the clips of dev and test that also have pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skeletor.io.store import open_store
from slt.pipeline.context import Detected, Run
from slt.synthetic import build
from slt.synthetic.detector.noise import compare

# Of the table, by the corpus's kind.
TITLES = {
    "rendered": "rendered signer",
    "resynthesised": "PHOENIX14T re-synthesised (real sentences, glosses, timing and hand shapes; rendered signer)",
}
SIMULATED_EVALUATION = "detections simulated by the noise model below, for every clip"
_SHOWN = (
    "error q50",
    "error q90",
    "error q99",
    "change q90",
    "missing",
    "missing, fast",
    "missing run mean",
    "swapped",
)


def compare_sample(run: Run, detected: Detected) -> dict[str, list[tuple[str, float, float]]]:
    """For dev and for test: (statistic, real, simulated) on the clips of the sample, see `noise_report.compare`.

    Lengths are in shoulder widths, runs in frames.
    """
    found = {}
    for part, folder in detected.sample.items():
        real, simulated = open_store(folder), open_store(detected.parts[part])
        truth = build.open_truth(run.corpus.root, part, planar=True)
        names = sorted(set(real) & set(simulated))
        if names:
            rows = compare([(truth[n], real[n]) for n in names], [(truth[n], simulated[n]) for n in names]).rows
            found[part] = [("clips", len(names), len(names)), *rows]
    return found


def comparison_markdown(found: Mapping[str, Sequence[Sequence[Any]]]) -> str:
    """A Markdown table of the main statistics, lengths in shoulder widths; all of them are in report.json."""
    lines = ["#### Simulated detections against real ones (shoulder widths, shares of frames, runs in frames)"]
    for part, rows in found.items():
        clips = int(rows[0][1])
        lines += ["", f"{part}, {clips} clips with pixels:", "", "| | real | simulated |", "|---|---:|---:|"]
        shown = [row for row in rows if any(row[0].endswith(f" {name}") for name in _SHOWN)]
        lines += [f"| {name} | {real:.4g} | {simulated:.4g} |" for name, real, simulated in shown]
    return "\n".join(lines) + "\n"
