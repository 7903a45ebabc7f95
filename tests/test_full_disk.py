"""Every write of the house on a full disk, and in a folder that may not be written into: one line, nothing in part."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from skeletor.io import native
from tests.skeletor.refiners.tiny import clips

ROOT = Path(__file__).resolve().parents[1]
KEPT = (".lock", "log.txt", ".jsonl")  # what grows line by line


def test_a_full_disk_is_one_line_wherever_it_is_met(tmp_path):
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("full_disk.py")), str(tmp_path)], capture_output=True, cwd=ROOT,
        text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) > 20
    for write in found:
        outcome, told = write["outcome"], write["told"]
        if isinstance(outcome, str):
            assert outcome.startswith(f"InputError: {write['out']}"), write
        else:
            lines = [line for line in told.splitlines() if "larger than is allowed" in line or "cannot be" in line
                     or "disk is full" in line]  # fmt: skip
            assert outcome == 2 and lines and "Traceback" not in told and "unexpected" not in told, write
        assert ".tmp" not in told + str(outcome), write
        assert all(name.endswith(KEPT) for name in write["left"]), write


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_folder_that_may_not_be_written_into_is_one_line(tmp_path):
    folder = tmp_path / "ro"
    folder.mkdir()
    native.write_pose(clips(1)[0], tmp_path / "a.safetensors")
    folder.chmod(0o555)
    command = [sys.executable, "-c", "import sys; from skeletor.cli import main; sys.exit(main())", "refine"]
    command += ["a.safetensors", "--refiner", "linear", "-o", "ro/a.safetensors"]
    if os.geteuid() == 0:  # root may write everywhere, unless it gives that up
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everywhere, and there is no setpriv")
        command = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override", *command]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 2 and list(folder.iterdir()) == []
    assert ended.stderr.startswith("skeletor: ro/a.safetensors: no permission") and ended.stderr.count("\n") == 1
