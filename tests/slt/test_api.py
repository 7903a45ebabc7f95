"""The Python API: what the README and docs/python.md show."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

import slt
from skeletor.io.formats import write_pose
from skeletor.support.errors import InputError
from slt.inference.chain import load_chain
from tests.slt.toy import perform

ROOT = Path(__file__).parents[2]
PYTHON = re.compile(r"```python\n(.*?)```", re.S)


@pytest.fixture
def clip(tmp_path):
    """A file of poses: it needs no estimator."""
    write_pose(perform(["regen", "wind"], 3), tmp_path / "clip.safetensors")
    return tmp_path / "clip.safetensors"


def test_a_loaded_chain_translates_as_the_command_does(model, clip):
    expected = load_chain(model, device="cpu").translate(clip)
    chain = slt.load(str(model), device="cpu")
    assert isinstance(chain, slt.Chain)
    found = chain.translate(str(clip))
    assert isinstance(found, slt.Translation)
    assert (found.text, found.reason, found.source) == (expected.text, expected.reason, str(clip))


def test_one_call_translates_one_video_however_often(model, clip):
    """The second call comes after the package of the translator has been imported."""
    first, second = (slt.translate_video(clip, model, device="cpu") for _ in range(2))
    assert first.text == second.text and first.signals == second.signals


def test_the_options_of_the_command_are_arguments(model):
    chain = slt.load(model, device="cpu", refine="savgol", lift="reference", estimator="poses", pose_stride=4, fps=50)
    assert (chain.refiner.name, chain.lifter.name) == ("savgol", "reference")
    assert chain.estimator.options["pose_stride"] == 4
    assert "lifted by reference" in chain.notes[0]
    with pytest.raises(InputError, match="--upsample"):
        slt.load(model, device="cpu", upsample="magic")


def test_the_newest_model_is_found(model, clip, tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model").symlink_to(model)
    monkeypatch.setenv("SLT_RUNS", str(tmp_path))
    assert slt.load(device="cpu").model.path == tmp_path / "run" / "model"


@pytest.mark.parametrize("source", ["https://example.org/a.mp4", "-"])
def test_what_is_no_file_is_one_line(model, source):
    with pytest.raises(InputError, match="is not read"):
        slt.translate_video(source, model, device="cpu")


def test_importing_slt_is_cheap_and_other_names_are_none():
    code = "import slt, sys; print(sorted({'torch', 'numpy', 'mediapipe'} & set(sys.modules)), hasattr(slt, 'nothing'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[] False\n"


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_what_the_pages_show_runs(page, model, clip, tmp_path, monkeypatch):
    """Each block of Python, with a clip of the toy language for the video and its model as the newest."""
    blocks = PYTHON.findall((ROOT / page).read_text(encoding="utf-8"))
    assert blocks
    (tmp_path / "runs" / "toy").mkdir(parents=True)
    (tmp_path / "runs" / "toy" / "model").symlink_to(model)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        text = re.sub(r'"(?:examples/)?\w+\.mp4"', f'"{clip}"', block)
        exec(compile(text, page, "exec"), names)


def test_a_chain_goes_to_another_process(model, clip):
    """`multiprocessing` pickles what it hands over, for Windows and macOS always."""
    chain = slt.load(str(model), device="cpu", refine="none")
    copied = pickle.loads(pickle.dumps(chain))
    assert copied.translate(clip).text == chain.translate(clip).text
