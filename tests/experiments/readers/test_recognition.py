"""The experiment on recognition from end to end, on the toy language laid out as a finished run."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.readers import gloss2text, recognition, slower
from skeletor.io.store import write_store
from skeletor.refiners.smoothers.smooth import SavgolOptions
from skeletor.support.errors import InputError
from slt.data.layout import Clip, write_annotation
from slt.pipeline.cache.stage import DONE
from slt.translate.config import TranslateConfig
from tests.slt.toy import clips

pytestmark = pytest.mark.usefixtures("forked_workers")

TINY = TranslateConfig(
    layers=1, hidden=16, feed_forward=32, heads=2, warmup=5, batch=16, max_updates=30, validate_every=15, max_words=20,
    beams=[1], alphas=[0.0],
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    for number, (split, count) in enumerate({"train": 60, "dev": 8, "test": 12}.items()):
        examples = clips(count, number + 1)
        write_annotation(
            root / "corpus", split, [Clip(e.name, split, None, "Signer01", e.glosses, e.text) for e in examples]
        )
        for place in ("lifted", "truth"):
            write_store(root / place / split, [(e.name, e.pose) for e in examples])
    for place in ("lifted", "truth"):
        (root / place / DONE).write_text(json.dumps({"key": place, "done": True, "seconds": 0.0}))
    return root


def test_rows_cross_reading_and_gains(run: Path, tmp_path: Path) -> None:
    splits = {s: list(recognition.read_corpus(run / "corpus").split(s)) for s in ("train", "dev", "test")}
    models = [str(gloss2text.train(f"seed {k}", TINY, k, splits, tmp_path / "models").folder / "model") for k in (1, 2)]
    config = tmp_path / "tiny.yaml"
    config.write_text(
        "seeds: [1]\nrows: [raw, savgol-carried, truth]\nclean: truth\nworkers: 1\nstrides: [2]\n"
        "recogniser: {preset: tiny, epochs: 4.0}\n" + f"gloss_models: {json.dumps(models)}\n"
        "consensus: {samples: 4, decays: [0.5], costs: [0.5]}\n"
    )
    command = ["recognition", "--run", str(run), "--corpus", str(run / "corpus"), "--config", str(config),
               "--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]  # fmt: skip
    assert main(command) == 0
    found = json.loads((tmp_path / "results" / "tiny.json").read_text())["numbers"]
    assert set(found["readers"]) == set(found["clean reader"]) == {"raw", "savgol-carried", "truth"}
    raw, truth = found["readers"]["raw"]["test"], found["readers"]["truth"]["test"]
    assert raw["wer"] == truth["wer"] == pytest.approx(sum(raw["mistakes"].values()))  # the same poses, the same bytes
    assert found["gains"]["truth over raw"]["wer"]["difference"] == 0
    slow = found["slower, own reader"]
    assert slow["raw"]["1"] == pytest.approx(raw["wer"]) and slow["raw"]["2"] == slow["truth"]["2"]
    assert set(found["slower, clean reader"]) == {"raw", "savgol-carried", "truth"}
    other = found["clean reader"]["raw"]["test"]
    assert {"ensemble", "consensus"} <= set(raw) and not {"ensemble", "consensus"} & set(other)
    assert raw["consensus"] == truth["consensus"]  # the same glosses were read
    assert "| truth skeletons |" in (tmp_path / "results" / "tiny.md").read_text()
    before = (tmp_path / "work" / "raw-seed1" / "recogniser.safetensors").stat().st_mtime_ns
    assert main(command) == 0  # nothing is trained again
    assert (tmp_path / "work" / "raw-seed1" / "recogniser.safetensors").stat().st_mtime_ns == before


def test_a_folder_that_is_no_finished_run_is_told(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    places = ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
    command = ["recognition", "--run", str(run), "--corpus", str(run / "corpus"), *places]
    assert main([*command, "--set", "rows=[skeletor]", "--set", "clean=raw", "--set", "gloss_models=[x]"]) == 2
    assert "clean: 'raw' is none of rows" in capsys.readouterr().err
    assert main([*command, "--set", "rows=[skeletor]", "--set", "clean=''", "--set", "gloss_models=[x]"]) == 2
    assert "no finished stage of a run" in capsys.readouterr().err


def test_the_hardest_quarter_is_that_with_most_missing_hands(run: Path, tmp_path: Path) -> None:
    examples = clips(8, 9)
    poses = {}
    for k, e in enumerate(examples):
        confidence = np.ones(e.pose.keypoints.shape[:2], np.float32)
        confidence[: len(confidence) * k // 8, 8:] = 0.1
        poses[e.name] = e.pose.replace(confidence=confidence)
    write_store(tmp_path / "test", poses.items())
    listed = [Clip(e.name, "test", None, "S", e.glosses, e.text) for e in examples]
    assert recognition._hardest(tmp_path, listed).tolist() == [False] * 6 + [True] * 2


def test_fewer_frames_are_the_same_motion_at_a_lower_rate() -> None:
    pose = clips(1, 4)[0].pose
    few = slower.thinned(pose, 3)
    assert few.fps == pose.fps / 3 and len(few) == -(-len(pose) // 3)
    assert np.array_equal(few.keypoints[2], pose.keypoints[6]) and np.array_equal(few.confidence[1], pose.confidence[3])


def test_what_repairs_a_row(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"refine": {"name": "skeletor", "horizon": 9}}')
    carried = SavgolOptions(carried=True)
    assert slower.repair_of("raw", tmp_path, carried) is slower.repair_of("truth", tmp_path, carried) is None
    assert slower.repair_of("savgol-carried", tmp_path, carried) is carried
    found = slower.repair_of("skeletor-motion", tmp_path, carried)
    assert found.name == "skeletor" and found.horizon == 9
    assert found.weights == str(tmp_path / "refiner-motion" / "refiner.safetensors")
    with pytest.raises(InputError, match="savgol: what repairs it is not known"):
        slower.repair_of("savgol", tmp_path, carried)
