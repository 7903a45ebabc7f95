"""The benchmarks' tables on tiny files in the shared layout."""

from pathlib import Path

import numpy as np
import pytest

from experiments.request import Request
from experiments.tables.lifters import h36m
from skeletor.lifters.benchmarks.sequences import Benchmark2D3D
from skeletor.lifters.learned.networks.registry import build_network, network_arguments
from skeletor.support.config import check_config, load_config

TABLES = sorted(Path(h36m.__file__).parent.glob("h36m_*.yaml"))
PUBLISHED = {"h36m_uplift_81": 10_377_254, "h36m_uplift_351": 10_404_902}


@pytest.mark.parametrize("path", TABLES, ids=lambda p: p.stem)
def test_every_shipped_table_is_valid(path: Path) -> None:
    config = load_config(path, h36m.BenchmarkTable)
    if path.stem in PUBLISHED:
        network = build_network(network_arguments(config.training.model, h36m.human36m.H36M_17))
        assert network.parameter_count() == PUBLISHED[path.stem]


def sequence(action: str, frames: int, seed: int) -> Benchmark2D3D:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(frames, 17, 3))
    truth -= truth[:, [14]]
    return Benchmark2D3D("TS1", action, "1", rng.normal(size=(frames, 17, 2)), np.ones((frames, 17)), truth,
                         np.ones(frames, bool))  # fmt: skip


def test_frames_count_alike_in_an_action_and_actions_in_the_mean() -> None:
    parts = [sequence("Walking 1", 10, 0), sequence("Walking", 30, 1), sequence("Eating", 5, 2)]
    found = [part.truth + np.array([shift, 0, 0]) for part, shift in zip(parts, (0.1, 0.2, 0.4), strict=True)]
    result = h36m.evaluate(found, parts)
    assert set(result) == {"Walking", "Eating", "mean"}
    assert result["Walking"]["MPJPE"] == pytest.approx(175)
    assert result["mean"]["MPJPE"] == pytest.approx((175 + 400) / 2)
    assert result["mean"]["P-MPJPE"] == pytest.approx(0, abs=1e-6) and result["Eating"]["PCK"] == 0


def test_a_table_is_made_from_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    one = {"data_2d": rng.uniform(0, 2048, (12, 17, 2)), "data_3d": rng.normal(size=(12, 17, 3)) * 300}
    np.savez(tmp_path / "train.npz", data={f"S{k} Seq1": [{"0": one}, {}] for k in (1, 2)})  # type: ignore[arg-type]
    np.savez(tmp_path / "test.npz", data={"TS1": {**one, "valid": np.ones(12)}})  # type: ignore[arg-type]
    raw = {
        "dataset": "mpi-inf-3dhp",
        "train_file": str(tmp_path / "train.npz"),
        "test_file": str(tmp_path / "test.npz"),
        "input_strides": [2, 4],
        "published": {"theirs": {"PCK": 95.4}},
        "training": {
            "out": str(tmp_path / "out"),
            "model": {"kind": "uplift-upsample", "tokens": 9, "output_stride": 2, "input_strides": [2, 4],
                      "strides": [3, 3], "width": 8, "joint_width": 4, "heads": 2},
            "train": {"batch_size": 2, "max_steps": 2},
        },
    }  # fmt: skip
    result = h36m.make(Request("tiny", tmp_path / "work", tmp_path), check_config(raw, h36m.BenchmarkTable, "test"))
    assert len(result["actions"]) == 2
    text = (tmp_path / "tiny.md").read_text()
    assert "input stride 4" in text and "theirs (published)" in text and "95.4" in text
