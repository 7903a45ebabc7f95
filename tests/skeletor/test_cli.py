"""The `skeletor` command: what it writes, and how it ends."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from skeletor.cli import main
from skeletor.command import run_command
from skeletor.errors import InputError, NothingToTranslate
from skeletor.io import native, read_pose
from skeletor.refiners import SMOOTHERS
from tests.skeletor.tiny import clips, config


@pytest.fixture(name="shard")
def _shard(tmp_path: Path) -> Path:
    torch.set_num_threads(1)
    native.write_shard({f"clip{k}": pose for k, pose in enumerate(clips(3))}, tmp_path / "poses.safetensors")
    return tmp_path / "poses.safetensors"


def test_train_refine_evaluate(shard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = {"data": [str(shard)], "out": str(tmp_path / "run"), "device": "cpu", "licence": "CC0"}
    job["train"] = config(max_steps=2).model_dump(mode="json")
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    assert main(["train", str(tmp_path / "job.yaml")]) == 0
    weights = capsys.readouterr().out.strip()
    out = tmp_path / "refined.safetensors"
    assert main(["refine", str(shard), "-o", str(out), "--weights", weights, "--radius", "4", "--stride", "2"]) == 0
    assert list(native.open_shard(out)) == ["clip0", "clip1", "clip2"]
    capsys.readouterr()
    assert main(["evaluate", str(out), str(shard), "--json"]) == 0
    errors = json.loads(capsys.readouterr().out)
    assert 0 < errors["mpjpe"]["all"] < 0.2 and errors["frames"] == 120
    capsys.readouterr()
    assert main(["refine", str(shard), "--weights", weights, "--refiner", "temporal-mlp"]) == 2
    assert "weights of skeletor" in capsys.readouterr().err


@pytest.mark.parametrize("name", [n for n in SMOOTHERS if n not in ("zero", "hold", "linear", "cubic")])
def test_refine_with_a_baseline(name: str, shard: Path, tmp_path: Path) -> None:
    assert main(["refine", str(shard), "--refiner", name]) == 0
    refined = read_pose(tmp_path / "poses.refined.safetensors", "clip1")
    assert refined.provenance.stages[-1].config["name"] == name
    assert not np.array_equal(refined.keypoints, read_pose(shard, "clip1").keypoints)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["refine", "missing.safetensors", "--refiner", "linear"], "missing.safetensors"),
        (["refine", "SHARD"], "either --weights"),
        (["refine", "SHARD", "--refiner", "temporal-mlp"], "either --weights"),
        (["refine", "SHARD", "--refiner", "kalman", "--weights", "SHARD"], "either --weights"),
        (["refine", "SHARD", "--refiner", "linear", "-o", "SHARD"], "is the input itself"),
        (["refine", "SHARD", "--refiner", "linear", "-o", "x.pose"], "3 clips"),
        (["refine", "SHARD", "--weights", "SHARD"], "not the weights"),
        (["train", "missing.yaml"], "missing.yaml"),
        (["evaluate", "SHARD", "missing.safetensors"], "missing.safetensors"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], message: str, shard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert main([str(shard) if a == "SHARD" else a for a in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and error.startswith("skeletor: ")
    assert sorted(tmp_path.iterdir()) == before  # nothing half-written


def test_how_commands_end(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(error: BaseException):
        def function() -> int:
            raise error

        return function

    assert run_command(lambda: None, "x") == 0
    assert run_command(lambda: 4, "x") == 4
    assert run_command(fail(InputError("two\nlines")), "x") == 2
    assert capsys.readouterr().err == "x: two lines\n"
    assert run_command(fail(NothingToTranslate("nobody")), "x") == 3
    assert run_command(fail(KeyboardInterrupt()), "x") == 130
    capsys.readouterr()
    assert run_command(fail(ValueError("oops")), "x") == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert run_command(fail(ValueError("oops")), "x", debug=True) == 1
    assert "Traceback" in capsys.readouterr().err
