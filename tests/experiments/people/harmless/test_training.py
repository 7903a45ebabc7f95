"""`python -m experiments harmless` from files to weights, on made-up people."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.people.harmless.config import HarmlessExperiment
from experiments.people.harmless.sources import read_sources, read_wheel
from experiments.people.harmless.training import kept_clips
from skeletor.io.formats import write_pose
from skeletor.learning.measured import read_noise
from skeletor.refiners.weights import load_refiner
from skeletor.support.config import check_config
from skeletor.support.errors import InputError
from tests.experiments.people.made import save_people, some_people

LANGUAGES = ("ase", "bzs", "cse")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """made.npz with two people, and a wheel with poses of three languages."""
    folder = tmp_path_factory.mktemp("sources")
    poses = some_people(folder, 1).poses
    save_people(folder / "made.npz", people=2, clips=4)
    with zipfile.ZipFile(folder / "words-0.4.0.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for k, pose in enumerate(poses[:6]):
            write_pose(pose, folder / "clip.pose")
            wheel.write(folder / "clip.pose", f"words/{LANGUAGES[k % 3]}/{k}.pose")
        wheel.writestr("words/README.md", "not a pose")
    return folder


def options(files: Path, out: Path) -> dict[str, object]:
    recordings = {"name": "made", "file": str(files / "made.npz"), "person": "who", "size": [640, 480], "fps": 25.0}
    return {
        "recordings": recordings, "wheel": str(files / "words-0.4.0.whl"), "steps": 2, "left_out_steps": 2, "every": 1,
        "left_out": {"1": str(out / "without_1")}, "batch_size": 2, "holed": 1,
        "weights": str(out / "shipped" / "h.safetensors"),
    }  # fmt: skip


def call(files: Path, out: Path, **changes: object) -> int:
    (out / "tiny.yaml").write_text(json.dumps(options(files, out) | changes))
    return main(["harmless", "--config", str(out / "tiny.yaml"), "--work", str(out / "work"),
                 "--results", str(out / "results")])  # fmt: skip


def test_from_files_to_weights_their_noise_and_tables(files: Path, tmp_path: Path) -> None:
    assert call(files, tmp_path) == 0
    loaded = load_refiner(tmp_path / "shipped" / "h.safetensors")
    noise = read_noise(tmp_path / "shipped" / "mediapipe_noise.json")
    assert loaded.info.config["corruption"]["measured"] == noise.model_dump()
    assert loaded.info.model["bound"] == max(noise.hand_jitter, noise.body_jitter)
    assert loaded.info.data.startswith("22 clips of made and of words-0.4.0") and "lifted by fast 2" in loaded.info.data
    assert loaded.info.data.endswith("also with joints hidden before") and loaded.info.config["degraded_share"] == 1
    assert loaded.info.licence == "MIT" and loaded.info.training["steps"] == 2
    assert load_refiner(tmp_path / "without_1" / "refiner.safetensors").info.data.startswith("12 clips")
    found = json.loads((tmp_path / "results" / "tiny.json").read_text())["numbers"]
    assert found["noise"] == noise.model_dump()
    for name in ("made", "spoken-to-signed"):
        rows = found[f"{name}, without signer 1"]["rows"]
        assert list(rows) == ["linear", "Skeletor, no harm"]
        share = rows["Skeletor, no harm"]["shares"]["hand hidden 1-3"]
        assert share["people"] == 1 and 0.5 < share["mean"] < 1.5
    text = (tmp_path / "results" / "tiny.md").read_text()
    assert text.count("Without signer 1") == 2 and "#### made: what is left" in text


def test_who_is_left_out_is_in_no_training(files: Path, tmp_path: Path) -> None:
    config = check_config(options(files, tmp_path), HarmlessExperiment, "test")
    sources = read_sources(config)
    kept = kept_clips(config, sources, "1")
    assert set(sources[0].people[kept[0]]) == {0} and kept[0].sum() == 8
    assert sources[1].names == list(LANGUAGES) and set(sources[1].people[kept[1]]) == {0, 2}
    with pytest.raises(InputError, match=r"nobody is called '2' in .*; there are 0, 1"):
        kept_clips(config, sources, "2")


def test_poses_in_a_wheel_come_in_the_order_of_their_names(files: Path, tmp_path: Path) -> None:
    found = read_wheel(files / "words-0.4.0.whl")
    assert [found.names[p] for p in found.people] == ["ase", "ase", "bzs", "bzs", "cse", "cse"]
    made = some_people(tmp_path, 1).poses
    np.testing.assert_allclose(found.poses[1].keypoints, made[3].keypoints, atol=1e-3)


@pytest.mark.parametrize("gone", ["made.npz", "words-0.4.0.whl"])
def test_without_its_files_it_is_left_out_in_one_line(
    gone: str, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    copy = Path(shutil.copytree(files, tmp_path / "copy"))
    (copy / gone).unlink()
    assert call(copy, tmp_path) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert f"{gone}: no such file; " in said[-1] and len(said) == 2  # the first is the title
    assert not (tmp_path / "shipped").exists()


@pytest.mark.parametrize(("content", "said"), [(b"PK", "wheel of spoken-to-signed"), (None, "holds no .pose files")])
def test_a_wheel_that_is_none_is_one_line(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("x.py", "1")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_wheel(path)
