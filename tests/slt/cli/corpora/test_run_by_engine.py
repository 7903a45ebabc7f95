"""`slt run --executor slurm` from end to end, without Slurm (cluster=local): the table is that of a run without it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from slt.pipeline.run import PARTS_OF_RUN

ROOT = Path(__file__).parents[4]
TINY = ROOT / "configs" / "tiny.yaml"


def run(folder: Path, name: str, *options: str) -> Path:
    """A finished run of the tiny config."""
    command = [sys.executable, "-c", "from slt.cli import main; main()", "run", str(TINY), "--run-dir", name, *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=1500)
    assert done.returncode == 0, done.stderr
    (folder / f"{name}.txt").write_text(done.stdout)
    return folder / name


@pytest.mark.slow
def test_a_run_by_submitit_has_the_poses_and_the_table_of_one_without(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    plain = run(tmp_path, "plain")
    other = run(tmp_path, "other", "--executor", "slurm", "--slurm", "cluster=local", "--tasks", "2")
    log = (other / "log.txt").read_text(encoding="utf-8")
    assert " shards: " in log and ", 0 lost; " in log and "is left to this machine" not in log
    assert list((other / "slurm").glob("*_result.pkl")), "submitit did nothing"
    for part in PARTS_OF_RUN:
        files = sorted((plain / "lifted" / part).glob("*.safetensors"))
        assert files
        for file in files:
            assert (other / "lifted" / part / file.name).read_bytes() == file.read_bytes(), file
    tables = [json.loads((folder / "table.json").read_text(encoding="utf-8"))["rows"] for folder in (plain, other)]
    assert tables[0] == tables[1]
    assert (tmp_path / "other.txt").read_text() == (tmp_path / "plain.txt").read_text()
