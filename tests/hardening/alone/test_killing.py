"""Commands that are ended at random moments; and what does the ending tells what is wrong."""

import hashlib
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.hardening.alone import killing
from tests.hardening.alone.killing import EXIT_CODES, Command, ended, trial, whole

GOOD = """
import sys, time
from pathlib import Path
from skeletor.files.atomic import write_text
from skeletor.support.command import run_command
def work():
    for k in range(6):
        if not Path(f"out/{k}.txt").exists():
            time.sleep(0.1)
            write_text(f"out/{k}.txt", "whole" * 100)
sys.exit(run_command(work, "x"))
"""
# Both wait to be ended, once they have done what they should not.
PARTIAL = """
import sys, time
from pathlib import Path
if Path("out/0.txt").exists():
    sys.exit()
Path("out").mkdir(exist_ok=True)
Path("out/0.txt").write_text("half")
time.sleep(60)
"""
ORPHAN = """
import subprocess, sys, time
from pathlib import Path
if Path("out/0.txt").exists():
    sys.exit()
Path("out").mkdir(exist_ok=True)
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
child.stdout.readline()
Path("out/0.txt").write_text("whole")
time.sleep(60)
"""
WHOLE = {"0.txt": hashlib.sha256(b"whole").hexdigest()}
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def test_a_sound_command_passes(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "ended").mkdir()
    command = Command("x", ("-c", GOOD), "out")
    expected, seconds = whole(command, tmp_path / "whole")
    assert len(expected) == 6
    outcome = ended(command, tmp_path / "ended", expected, seconds, tuple(EXIT_CODES), np.random.default_rng(0), 6)
    assert outcome.wrong == []


@pytest.mark.parametrize(("program", "wrong"), [(PARTIAL, "0.txt: under its final name"), (ORPHAN, "1 processes left")])
def test_what_is_wrong_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, wrong: str) -> None:
    monkeypatch.setattr(killing, "_GONE_WITHIN", 0.2)
    command = Command("x", ("-c", program), "out")
    outcome = ended(command, tmp_path, WHOLE, 4.0, (signal.SIGTERM,), np.random.default_rng(0), 5)
    assert any(wrong in line for line in outcome.wrong)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [killing.skeletor_train, killing.lift_train, killing.slt_poses])
def test_a_command_of_the_house_goes_on_with_the_same_bytes(kind: Callable[[Path], Command], tmp_path: Path) -> None:
    outcome = trial(kind, tmp_path, 6, np.random.default_rng(0))
    assert outcome.wrong == [] and len(outcome.ends) == 6
