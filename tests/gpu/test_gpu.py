"""On a GPU: every kind of training, resumed, and the whole chain. `make gpu` runs these and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from skeletor.lifters.learned.clips import Material
from skeletor.lifters.learned.networks.registry import KINDS
from tests.gpu.trainings import (
    lifter_material,
    train_and_resume_lifter,
    train_and_resume_recogniser,
    train_and_resume_refiner,
    train_and_resume_translator,
)

TINY = Path(__file__).parents[2] / "configs" / "tiny.yaml"
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("bf16", [False, True], ids=["float32", "bf16"])
def test_a_refiner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bf16: bool, compiled: bool) -> None:
    train_and_resume_refiner(tmp_path, "cuda", monkeypatch, bf16=bf16, compile=compiled)


@pytest.fixture(name="material", scope="module")
def _material() -> Material:
    return lifter_material()


@pytest.mark.parametrize("kind", KINDS)
def test_a_lifter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, material: Material) -> None:
    train_and_resume_lifter(tmp_path, "cuda", monkeypatch, kind, material)


@pytest.mark.parametrize("preset, precision", [("tiny", "float32"), ("ctc", "float32"), ("ctc", "bfloat16")])
def test_a_translator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: str, precision: str) -> None:
    train_and_resume_translator(tmp_path, "cuda", monkeypatch, preset, precision=precision)


@pytest.mark.parametrize("bf16", [False, True], ids=["float32", "bf16"])
def test_a_recogniser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bf16: bool) -> None:
    train_and_resume_recogniser(tmp_path, "cuda", monkeypatch, bf16)


def slt(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from slt.cli import main; main()", *map(str, arguments)],
        capture_output=True, text=True, cwd=cwd, timeout=900, check=False,
    )  # fmt: skip


def test_the_whole_chain_and_a_translation(tmp_path: Path) -> None:
    done = slt("run", TINY, "--set", "gloss2text=true", cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    run = tmp_path / "runs" / "tiny"
    rows = json.loads((run / "table.json").read_text(encoding="utf-8"))["rows"]
    assert any("motion" in row["label"] for row in rows)
    for folder in (run / "systems").iterdir():
        states = [torch.load(f, weights_only=True) for f in (folder / "model" / "checkpoints").glob("*.generator")]
        assert states and all("cuda" in state for state in states), f"{folder.name} was not trained on the GPU"
    video = next((run / "corpus").glob("features/*/test/*.mp4"))
    for device in ("cuda", "cpu"):
        found = slt("translate", video, "-o", device, "-f", "json", "--device", device, cwd=tmp_path)
        assert found.returncode in (0, 3) and "Traceback" not in found.stderr, found.stderr
    both = [json.loads((tmp_path / d / f"{video.stem}.json").read_text(encoding="utf-8")) for d in ("cuda", "cpu")]
    assert both[0]["tokens"] == both[1]["tokens"] and both[0]["score"] == pytest.approx(both[1]["score"], abs=0.05)
