"""Every kind of fault of a model folder is told in one line, and nothing is loaded before all files are sound."""

from __future__ import annotations

import os
import pickle
import shutil

import numpy as np
import pytest
import yaml

from skeletor.support.errors import InputError
from slt.cli.model import main
from slt.sharing import check
from slt.sharing.check import check_model
from tests.slt.hostile import rehash


@pytest.fixture(autouse=True)
def unloaded(monkeypatch):
    """A test fails if anything of a folder is loaded, unless it undoes this."""
    monkeypatch.setattr(check, "_load_faults", lambda folder: pytest.fail("it was loaded"))


def faults(model) -> list[str]:
    found = check_model(model).faults
    assert found and all("\n" not in fault and len(fault) < 500 for fault in found)
    return list(found)


def test_a_sound_folder_is_sound(exported, monkeypatch, capsys):
    monkeypatch.undo()
    assert main("model", ["check", str(exported)], "") == 0
    assert f"sound: {len(list(exported.iterdir()))} files" in capsys.readouterr().out


def test_a_folder_that_was_not_exported_lacks_its_card_alone(plain, capsys):
    assert main("model", ["check", str(plain)], "") == 2
    assert "README.md: is missing" in capsys.readouterr().out
    with pytest.raises(InputError, match="no such folder"):
        check_model(plain / "none")


def test_each_byte_counts(model):
    for path in sorted(model.iterdir()):
        if path.name in ("README.md", "model.yaml"):
            continue
        before = path.read_bytes()
        path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        assert [fault for fault in faults(model) if fault.startswith(f"{path.name}: is not the file")]
        path.write_bytes(before)


def test_every_file_is_named_and_every_name_a_file(model):
    (model / "notes.txt").write_text("mine")
    (model / "sub").mkdir()
    (model / "scores.json").unlink()
    assert faults(model) == [
        "sub: is a folder; a model has none",
        "notes.txt: is not named in model.yaml, so nobody vouches for it",
        "sub: is not named in model.yaml, so nobody vouches for it",
        "scores.json: is named in model.yaml and missing",
    ]


def test_a_named_file_of_an_unknown_kind_is_a_fault(model):
    (model / "tokenizer.json").write_text("{}")
    config = yaml.safe_load((model / "model.yaml").read_text())
    config["files"]["tokenizer.json"] = "0"
    (model / "model.yaml").write_text(yaml.safe_dump(config))
    rehash(model)
    assert faults(model) == ["tokenizer.json: is no file that this program reads"]


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/b", ".."])
def test_no_name_leads_out(model, name):
    config = yaml.safe_load((model / "model.yaml").read_text())
    config["files"][name] = "0" * 64
    (model / "model.yaml").write_text(yaml.safe_dump(config))
    assert any("not the name of a file in the folder" in fault for fault in faults(model))


def test_links_and_pipes_are_faults_even_within(model, tmp_path):
    shutil.move(model / "vocabulary.txt", tmp_path / "words")
    os.symlink(tmp_path / "words", model / "vocabulary.txt")
    assert faults(model) == ["vocabulary.txt: is a link; a model holds its files themselves"]
    (model / "vocabulary.txt").unlink()
    os.mkfifo(model / "vocabulary.txt")
    assert "vocabulary.txt: is a pipe or a device" in faults(model)


@pytest.mark.parametrize("name", ["refiner.safetensors", "vocabulary.txt", "README.md"])
@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_told_by_its_content(model, name, protocol):
    (model / name).write_bytes(pickle.dumps({"weights": np.zeros(3), "run": print}, protocol))
    if name != "README.md":
        rehash(model)
    assert any(fault.startswith(f"{name}: is a pickle") for fault in faults(model))


@pytest.mark.parametrize(("change", "told"), [
    ({"language": None}, "the language"), ({"language": ["german"]}, "'german' is no code"),
    ({"license": None}, "the licence"), ({"license": "other"}, "license_name"), ({"metrics": []}, "the metrics"),
    ({"datasets": 3}, "the data sets"), ({"model-index": "x"}, "model-index"),
])  # fmt: skip
def test_what_a_header_lacks_is_told(model, change, told):
    _, header, body = (model / "README.md").read_text().split("---\n", 2)
    changed = yaml.safe_load(header) | change
    (model / "README.md").write_text(f"---\n{yaml.safe_dump(changed)}---\n{body}")
    assert told in " ".join(faults(model))


@pytest.mark.parametrize(
    "text",
    ["# A model\n", "---\nlanguage: de\n", "---\n- a\n---\n", "---\na: [\n---\n", "---\n!!python/name:os.x\n---\n", ""],
)
def test_a_header_that_is_none_is_a_fault(model, text):
    (model / "README.md").write_text(text)
    assert any(fault.startswith("README.md") for fault in faults(model))


@pytest.mark.parametrize("name", ["refiner", "recogniser", "translator", "abstention"])
def test_weights_that_do_not_load_are_a_fault_though_their_hash_is_right(model, name, monkeypatch):
    monkeypatch.undo()
    data = (model / f"{name}.safetensors").read_bytes()
    (model / f"{name}.safetensors").write_bytes(data[: len(data) // 2])
    rehash(model)
    assert any(f"{name}.safetensors" in fault for fault in faults(model))


def test_a_file_of_weights_that_the_model_does_not_use_is_opened_too(model, monkeypatch):
    monkeypatch.undo()
    (model / "refine2d.safetensors").write_bytes(b"anything")
    config = yaml.safe_load((model / "model.yaml").read_text())
    config["files"]["refine2d.safetensors"] = "0"
    (model / "model.yaml").write_text(yaml.safe_dump(config))
    rehash(model)
    assert any("refine2d.safetensors" in fault for fault in faults(model))


def test_scores_and_values_that_nothing_reads_are_looked_at_too(model):
    (model / "scores.json").write_text('{"dev": ')
    assert any(fault.startswith("scores.json: not a YAML file") for fault in check_model(model, load=False).faults)
    config = (model / "model.yaml").read_text()
    for old, new in (("skeleton: signing_50", "skeleton: foo"), ("fps: 25.0", "fps: 1.0e-300")):
        assert old in config
        (model / "model.yaml").write_text(config.replace(old, new))
        assert any(old.split(":")[0] in fault for fault in check_model(model, load=False).faults)


def test_a_name_with_a_line_break_is_one_line(model):
    (model / "a\nb\x1b[31m").touch()
    faults = check_model(model, load=False).faults
    assert faults and all(fault.isprintable() for fault in faults)
