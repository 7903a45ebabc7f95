import json
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.ablations.anonymise import AnonymiseConfig, bones, measure, same_signer
from skeletor.io.native import write_shard
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.data import layout
from slt.recognise.recogniser import Recogniser

SIGNERS = ("anna", "ben", "carl", "dora")


def body(signer: int) -> np.ndarray:
    """(50, 3) somebody with arms of their own length."""
    points = np.random.default_rng(7).normal(0, 0.3, (50, 3))
    points[1], points[2], points[5] = 0, (-0.5, 0, 0), (0.5, 0, 0)
    points[[4, 7]] *= 1 + 0.5 * signer
    return points


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of eight test clips by four people whose bones tell them apart."""
    folder = tmp_path / "run"
    clips = [layout.Clip(f"test-{k}", "test", None, SIGNERS[k % 4], ("A", "B"), "a b") for k in range(8)]
    for split in layout.SPLITS:
        layout.write_annotation(folder / "corpus", split, clips if split == "test" else [])
    layout.write_description(folder / "corpus", layout.Description("rendered"))
    poses = {}
    for k, clip in enumerate(clips):
        shake = np.random.default_rng(k).normal(0, 0.01, (9, 50, 3))
        poses[clip.name] = PoseSequence(
            (body(k % 4) + shake).astype(np.float32), np.ones((9, 50)), 25.0, SIGNING_50, Provenance(units="shoulder")
        )
    for store in ("lifted", "refined/skeletor"):
        (folder / store / "test").mkdir(parents=True)
        write_shard(poses, folder / store / "test" / "00000.safetensors")
    return folder


def test_bones_tell_who_it_is_before_and_not_after(run: Path) -> None:
    found = measure(run, AnonymiseConfig()).numbers
    assert (found["clips"], found["signers"], found["frames"], found["most_frequent"]) == (8, 4, 9, 25)
    before, after = found["same_signer"]["lengths of the bones"]
    assert before == 100 and after < 100 and found["wer"] is None


def test_the_reader_of_the_row_reads_both(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Reader:
        def recognise(self, poses: list[PoseSequence]) -> list[tuple[str, ...]]:
            return [("A", "B") if pose.provenance.stage("anonymise") is None else ("A",) for pose in poses]

    system = run / "systems" / "skeletor-recogniser"
    system.mkdir(parents=True)
    (system / "recogniser.safetensors").write_bytes(b"0")
    monkeypatch.setattr(Recogniser, "load", lambda folder: Reader())
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "out")]
    assert main(["anonymise", "--run", str(run), *where]) == 0
    assert json.loads((tmp_path / "out" / "anonymise.json").read_text())["numbers"]["wer"] == [0, 50]
    assert "| WER of the run's reader (skeletor) | 0.0 | 50.0 |" in (tmp_path / "out" / "anonymise.md").read_text()


def test_the_nearest_other_clip_and_joints_that_are_never_seen() -> None:
    vectors = [np.array([0.0, np.nan]), np.array([0.1, 0.0]), np.array([5.0, 1.0]), np.array([5.2, 1.0])]
    assert same_signer(vectors, ["a", "a", "b", "c"]) == 0.5
    points = np.full((3, 50, 3), np.nan)
    assert np.isnan(bones(points)).all()


def test_a_folder_that_is_no_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        measure(tmp_path, AnonymiseConfig())
