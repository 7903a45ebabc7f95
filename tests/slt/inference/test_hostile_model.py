"""Model folders from anywhere: one line for what is wrong, nothing read outside, no memory for what is not there."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from skeletor.support.errors import InputError, SkeletorError
from slt.inference.chain import load_chain, make_refiner
from slt.inference.model_files import READ, TRANSLATOR
from slt.translate.abstain import FILE as ABSTENTION
from slt.translate.joey.text import PIECES, VOCABULARY
from slt.translate.translator import WEIGHTS
from tests.slt.hostile import make_model, read_parts, rehash, spoiled, write_input

_opened: list[str] | None = None


def _watch(event: str, arguments: tuple) -> None:
    if event == "open" and _opened is not None:
        _opened.append(str(arguments[0]))


sys.addaudithook(_watch)


@contextmanager
def files_opened() -> Iterator[list[str]]:
    """The paths that are opened in the block."""
    global _opened
    _opened = []
    try:
        yield _opened
    finally:
        _opened = None


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def model(sound, tmp_path):
    """A copy that may be spoiled, and a folder beside it that must not be read."""
    import shutil

    (tmp_path / "outside").mkdir()
    return shutil.copytree(sound, tmp_path / "model")


def change(model, **values):
    """Set top-level keys of a model's `model.yaml`."""
    config = yaml.safe_load((model / "model.yaml").read_text())
    for key, value in values.items():
        section = config[key]
        config[key] = {**section, **value} if isinstance(section, dict) and isinstance(value, dict) and value else value
    (model / "model.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def change_header(model, name, key, edit):
    """Change a JSON value in the header of weights, and put right the hash."""
    metadata, arrays = read_parts(model / name)
    metadata[key] = json.dumps(edit(json.loads(metadata[key])))
    save_file(arrays, model / name, metadata)
    rehash(model)


def refused(model) -> str:
    with pytest.raises(InputError) as caught:
        load_chain(model, device="cpu")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    return str(caught.value)


def test_names_of_files_are_those_that_are_read():
    assert TRANSLATOR == (WEIGHTS, VOCABULARY, ABSTENTION) and {*TRANSLATOR, PIECES} < set(READ)


def test_a_sound_folder_works_to_the_end_and_reads_nothing_outside(sound, tmp_path):
    clip = write_input(tmp_path / "clip.safetensors")
    with files_opened() as opened:
        result = load_chain(sound, device="cpu").translate(clip)
    assert {"lift", "refine2d", "refine", "translate", "judge"} <= set(result.seconds)
    elsewhere = [p for p in opened if p.endswith((".safetensors", ".txt", ".yaml")) and not p.startswith(str(sound))]
    assert str(sound / "lifter.safetensors") in opened and [p for p in elsewhere if p != str(clip)] == []


@pytest.mark.parametrize("seed", range(60))
def test_a_spoiled_folder_is_used_or_refused_in_one_line(sound, tmp_path, seed):
    outside = tmp_path / "outside"
    outside.mkdir()
    clip = write_input(tmp_path / "clip.safetensors")
    what = spoiled(sound, tmp_path / "model", outside, seed)
    with files_opened() as opened:
        try:
            load_chain(tmp_path / "model", device="cpu").translate(clip)
        except SkeletorError as error:
            assert error.exit_code in (2, 3) and "\n" not in str(error), what
        else:
            assert not what.startswith("link"), what
    assert not [path for path in opened if path.startswith(str(outside))], what


@pytest.mark.parametrize("weights", ["../outside/lifter.safetensors", "sub/lifter.safetensors", "..", "", "model.yaml"])
def test_weights_outside_or_unlisted_are_not_read(model, weights):
    (model.parent / "outside/lifter.safetensors").write_bytes((model / "lifter.safetensors").read_bytes())
    absolute = str(model.parent / "outside/lifter.safetensors")
    for value in (weights, absolute):
        change(model, lift={"weights": value})
        assert "lift.weights" in refused(model)
    change(model, lift={"weights": "lifter.safetensors"}, refine={"weights": absolute})
    assert "refine.weights" in refused(model)
    change(model, refine={"weights": "refiner.safetensors"}, refine2d={"weights": absolute})
    assert "refine2d.weights" in refused(model)


def test_every_file_that_is_read_has_a_hash(model):
    whole = yaml.safe_load((model / "model.yaml").read_text())["files"]
    change(model, files={})
    assert "translator.safetensors is not among them" in refused(model)
    for name in ("lifter.safetensors", "refiner.safetensors", "refine2d.safetensors"):
        change(model, files=None)
        change(model, files={key: value for key, value in whole.items() if key != name})
        assert "not among its 'files'" in refused(model)
        with pytest.raises(InputError):
            make_refiner("skeletor", model) if name == "refiner.safetensors" else load_chain(model)
    change(model, files=None)
    change(model, files=whole)
    (model / "sentencepiece.model").write_bytes(b"x")
    assert "sentencepiece.model is not listed" in refused(model)
    (model / "sentencepiece.model").unlink()
    assert load_chain(model, device="cpu").refiner.name == "skeletor"
    data = (model / "refiner.safetensors").read_bytes()
    (model / "refiner.safetensors").write_bytes(data[:-1] + b"\1")
    with pytest.raises(InputError, match="damaged or was exchanged"):
        make_refiner("skeletor", model)


@pytest.mark.parametrize("name", ["../outside/x", "/etc/passwd", "a/../x", "..", "", "a\\b", "C:x"])
def test_listed_names_are_plain(model, name):
    (model.parent / "outside/x").write_text("x")
    change(model, files={name: "0" * 64})
    assert "not the name of a file in the folder" in refused(model)


def test_links_that_lead_out_are_refused_and_those_inside_are_not(model):
    outside = model.parent / "outside"
    for path in sorted(model.iterdir()):
        (outside / path.name).write_bytes(path.read_bytes())
        path.unlink()
        os.symlink(outside / path.name, path)
        assert "link that leads out" in refused(model)
        path.unlink()
        path.write_bytes((outside / path.name).read_bytes())
    (model / "vocabulary.txt").rename(model / "words")
    os.symlink("words", model / "vocabulary.txt")
    load_chain(model, device="cpu")
    (model / "vocabulary.txt").unlink()
    os.symlink("vocabulary.txt", model / "vocabulary.txt")
    assert "is missing" in refused(model)
    (model / "vocabulary.txt").unlink()
    os.mkfifo(model / "vocabulary.txt")
    assert "is not a file" in refused(model)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fps", float("nan")), ("fps", "fast"), ("fps", 0.0), ("fps", 1e9), ("fps", None), ("skeleton", 3),
        ("estimator", {"name": "psychic"}), ("estimator", []), ("estimator", {"openpose_models": "/etc"}),
        ("estimator", {"name": "rtmlib", "weights": "w.onnx"}), ("estimator", {"name": "rtmlib", "detector": "d.onnx"}),
        ("estimator_version", 1.5), ("lift", {"mode": 7}), ("lift", {"stride": 10**30}), ("refine", "savgol"),
        ("refine", {"batch": 0}), ("refine2d", {"name": None}), ("translate", [1]), ("abstention", {"share": 2.0}),
        ("abstention", {"thresholds": {"body": None}}), ("files", []), ("files", {"vocabulary.txt": 5}), ("format", 1),
        ("decoding", 3), ("normalise", "x"), ("translate", None), ("lift", {"weights": None}),
    ],
)  # fmt: skip
def test_wrong_values_are_one_line_that_names_the_key(model, key, value):
    change(model, **{key: value})
    message = refused(model)
    assert key in message or key == "format" or value == {"weights": None}


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("lifter", "blocks", 1_000_000), ("lifter", "width", 1024), ("lifter", "joints", 10**9),
        ("lifter", "kind", "x"),
        ("lifter", "carriers", [99] * 50), ("lifter", "taps", -3), ("lifter", "heads", 0), ("refiner", "layers", 10**7),
        ("refiner", "d_model", 4096), ("refiner", "window", 10**9), ("refiner", "dims", 2), ("refiner", "heads", 3),
        ("refiner", "carriers", [-1] * 50), ("refiner", "kind", 5),
    ],
)  # fmt: skip
def test_a_header_may_not_ask_for_another_or_a_huge_network(model, name, key, value):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    change_header(model, f"{name}.safetensors", "model", lambda shape: {**shape, key: value})
    assert f"{name}.safetensors" in refused(model)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


@pytest.mark.parametrize(
    "change_of", [{"layers": 12, "hidden": 2048}, {"feed_forward": 10**9}, {"heads": 0}, {"width": 4096}]
)
def test_nor_may_a_translator(model, change_of):
    change_header(model, "translator.safetensors", "config", lambda config: {**config, **change_of})
    assert "translator.safetensors" in refused(model)


def test_nor_a_search(model):
    change_header(model, "translator.safetensors", "decoding", lambda search: {**search, "beam": 10**7})
    assert "beam" in refused(model)


@pytest.mark.parametrize("name", ["translator", "refiner", "refine2d", "lifter", "abstention"])
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_weights_that_are_no_numbers_are_refused(model, name, value):
    metadata, arrays = read_parts(model / f"{name}.safetensors")
    for key in sorted(arrays)[:: max(1, len(arrays) // 3)]:
        spoiled_array = arrays[key].copy()
        spoiled_array.flat[-1] = value
        save_file({**arrays, key: spoiled_array}, model / f"{name}.safetensors", metadata)
        rehash(model)
        assert key in refused(model)


@pytest.mark.parametrize("value", [float("nan"), None, "x", 10**400])
def test_limits_of_abstention_that_are_no_numbers_are_refused(model, value):
    change_header(model, ABSTENTION, "values", lambda v: {**v, "thresholds": {**v["thresholds"], "states": value}})
    assert "thresholds" in refused(model)


def test_an_abstention_of_another_training_is_refused(model):
    metadata, arrays = read_parts(model / ABSTENTION)
    save_file({**arrays, "bank": np.zeros((5, 3), np.float32)}, model / ABSTENTION, metadata)
    rehash(model)
    assert "must be of one training" in refused(model)


@pytest.mark.parametrize(("section", "key"), [("estimator", "name"), ("lift", "mode"), ("refine", "name")])
def test_no_stage_is_left_to_a_default(model, section, key):
    config = yaml.safe_load((model / "model.yaml").read_text())
    del config[section][key]
    config[section].pop("weights", None)  # of another stage than the default, which would be told first
    (model / "model.yaml").write_text(yaml.safe_dump(config))
    assert f"'{section}.{key}' is missing" in refused(model)
