"""The table, and the files that keep it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from skeletor.files.atomic import write_text
from tests.hardening.children import ROOT

if TYPE_CHECKING:
    from tests.hardening.run import Result

RESULTS = ROOT / "runs" / "hardening"
_LISTED = 200  # failing cases of each suite that are kept


def table(results: Sequence[Result]) -> str:
    """suite, cases, fails, goal; then what was skipped."""
    lines = ["| suite | cases | fails | goal |", "|---|---:|---:|---|"]
    lines += [f"| {r.suite.name} | {len(r.tried):,} | {len(r.failed):,} | {r.suite.goal} |" for r in results]
    skipped = [f"skipped: {r.suite.name}: {o.case}: {o.reason}" for r in results for o in r.outcomes if o.skipped]
    return "\n".join([*lines, *([""] + skipped if skipped else [])])


def write(results: Sequence[Result], share: float, seed: int) -> None:
    """hardening.md and hardening.json: the table, where and when, and the cases that failed with what came out."""
    about = _about(results, share, seed)
    plain = about | {
        "suites": {
            r.suite.name: {
                "cases": len(r.tried), "fails": len(r.failed), "goal": r.suite.goal, "seconds": round(r.seconds, 1),
                "failed": {o.case: o.reason for o in r.failed[:_LISTED]},
                "skipped": {o.case: o.reason for o in r.outcomes if o.skipped},
            }
            for r in results
        }
    }  # fmt: skip
    write_text(RESULTS / "hardening.json", json.dumps(plain, indent=1, ensure_ascii=False) + "\n")
    lines = ["# Bad input, sudden ends, full disks", "", table(results), ""]
    lines.append(
        f"`python -m tests.hardening --share {share:g} --seed {seed}`, commit {about['commit']}, "
        f"{about['date']}, {about['machine']}, {about['seconds'] / 60:.0f} minutes."
    )
    for result in results:
        if result.failed:
            lines += ["", f"## {result.suite.name}: {len(result.failed):,} failed", ""]
            lines += [f"- {o.case}: {o.reason}" for o in result.failed[:_LISTED]]
            if len(result.failed) > _LISTED:
                lines.append(f"- and {len(result.failed) - _LISTED:,} more")
    write_text(RESULTS / "hardening.md", "\n".join(lines) + "\n")


def _about(results: Sequence[Result], share: float, seed: int) -> dict[str, Any]:
    git = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return {
        "commit": git.stdout.strip() or "unknown",
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}",
        "share": share, "seed": seed, "seconds": round(sum(r.seconds for r in results), 1),
    }  # fmt: skip
