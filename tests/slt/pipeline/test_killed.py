"""A whole run that is killed again and again ends with the bytes of a run that was left alone."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TINY = str(ROOT / "configs/tiny.yaml")
COMMAND = [
    sys.executable,
    "-c",
    "import sys; from slt.cli import main; sys.exit(main())",
    "run",
    TINY,
    "--run-dir",
    "runs/tiny",
]
# Times of day and durations are in these, and nowhere else; in the last as digests of the others.
CLOCKS = ("log.txt", "done.json", "report.md", "report.json", "training.json", "train.log", "README.md", "files.json")


def digests(run: Path) -> dict[str, str]:
    files = (f for f in sorted(run.rglob("*")) if f.is_file() and f.name not in CLOCKS)
    kept = (f for f in files if "checkpoint" not in str(f.relative_to(run)) and f.suffix != ".jsonl")
    return {str(f.relative_to(run)): hashlib.sha256(f.read_bytes()).hexdigest() for f in kept}


@pytest.mark.slow
def test_kill_9_at_any_time_and_the_same_bytes_in_the_end(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run(COMMAND, cwd=whole, env=environment, check=True, capture_output=True)
    kills, seconds = 0, 6.0
    while True:
        with subprocess.Popen(
            COMMAND, cwd=killed, env=environment, start_new_session=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            try:
                assert process.wait(timeout=seconds) == 0
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # the workers too
                kills, seconds = kills + 1, seconds * 1.07
    assert kills >= 3
    expected, found = digests(whole / "runs/tiny"), digests(killed / "runs/tiny")
    assert set(found) == set(expected)
    assert {name for name in found if found[name] != expected[name]} == set()
