"""The table, and the files that keep it: what was run last of each suite, however many were run at a time."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skeletor.files.atomic import write_text
from tests.hardening.children import ROOT

if TYPE_CHECKING:
    from tests.hardening.run import Result

RESULTS = ROOT / "runs" / "hardening"
PAGE = Path(__file__).resolve().parent / "README.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
CORES = 2  # of the machine that the goal is for
GOAL_MINUTES = 30
_LISTED = 200  # failing cases of each suite that are kept
_HEAD = ("| suite | cases | fails | goal | share | CPU minutes | commit |", "|---|---:|---:|---|---:|---:|---|")
Kept = dict[str, Any]


def table(results: Sequence[Result]) -> str:
    """suite, cases, fails, goal; then what was skipped."""
    lines = ["| suite | cases | fails | goal |", "|---|---:|---:|---|"]
    lines += [f"| {r.suite.name} | {len(r.tried):,} | {len(r.failed):,} | {r.suite.goal} |" for r in results]
    skipped = [f"skipped: {r.suite.name}: {o.case}: {o.reason}" for r in results for o in r.outcomes if o.skipped]
    return "\n".join([*lines, *([""] + skipped if skipped else [])])


def write(results: Sequence[Result], share: float, seed: int, order: Sequence[str], folder: Path = RESULTS) -> None:
    """hardening.md and hardening.json in `folder`: what was just run, in place of what was kept of the same suites.

    order: the names of all suites, as the table has them.
    """
    suites = kept(folder) | {r.suite.name: _kept(r, share, seed) for r in results}
    suites = {name: suites[name] for name in order if name in suites}
    content = {"machine": _machine(), "suites": suites}
    write_text(folder / "hardening.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    write_text(
        folder / "hardening.md", "# Bad input, sudden ends, full disks\n\n" + page_table(suites) + _failed(suites)
    )


def kept(folder: Path = RESULTS) -> dict[str, Kept]:
    """What was run last of each suite; empty if nothing was."""
    try:
        suites = json.loads((folder / "hardening.json").read_text(encoding="utf-8"))["suites"]
    except (OSError, ValueError, KeyError):
        return {}
    return {name: about for name, about in suites.items() if "commit" in about}


def write_page(folder: Path = RESULTS, page: Path = PAGE) -> None:
    """Put the table of what is kept between the markers of the page. Raises ValueError if there is none, or nothing."""
    suites, text = kept(folder), page.read_text(encoding="utf-8")
    if not suites or BEGIN not in text or END not in text:
        raise ValueError(f"{page}: no markers, or nothing was run")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    write_text(page, f"{before}{BEGIN}\n{page_table(suites)}{END}{after}")


def page_table(suites: Mapping[str, Kept]) -> str:
    """The table of what is kept, and what all of it took."""
    lines = []
    for name, s in suites.items():
        lines.append(f"| {name} | {s['cases']:,} | {s['fails']:,} | {s['goal']} ")
        lines[-1] += f"| {s['share']:g} | {_minutes(s['cpu'])} | {s['commit']} |"
    minutes = sum(s["cpu"] or 0 for s in suites.values()) / 60
    idle = f"{minutes / CORES:.0f} on {CORES} cores that have nothing else to do"
    took = f"{minutes:.0f} minutes of CPU time in all that was measured: {idle} (the goal: {GOAL_MINUTES})."
    return "\n".join([*_HEAD, *lines, "", took, ""])


def _minutes(seconds: float | None) -> str:
    """None: it was not measured."""
    return "" if seconds is None else f"{seconds / 60:.1f}"


def _kept(result: Result, share: float, seed: int) -> Kept:
    return {
        "cases": len(result.tried), "fails": len(result.failed), "goal": result.suite.goal,
        "share": share, "seed": seed, "commit": _commit(), "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "seconds": round(result.seconds, 1), "cpu": round(result.cpu, 1),
        "failed": {o.case: o.reason for o in result.failed[:_LISTED]},
        "skipped": {o.case: o.reason for o in result.outcomes if o.skipped},
    }  # fmt: skip


def _failed(suites: Mapping[str, Kept]) -> str:
    lines = []
    for name, about in suites.items():
        if about["fails"]:
            lines += ["", f"## {name}: {about['fails']:,} failed", ""]
            lines += [f"- {case}: {reason}" for case, reason in about["failed"].items()]
            if about["fails"] > len(about["failed"]):
                lines.append(f"- and {about['fails'] - len(about['failed']):,} more")
    return "\n".join([*lines, ""])


def _commit() -> str:
    git = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return git.stdout.strip() or "unknown"


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"
