import pytest
import yaml

from skeletor.support.errors import InputError
from slt.cli.model import main
from slt.sharing.card import read_header
from slt.sharing.export import export_model


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_model_gives_the_same_bytes_and_keeps_its_own(plain, exported, tmp_path):
    again = export_model(plain, tmp_path / "again")
    assert content(again) == content(exported)
    assert {name: data for name, data in content(again).items() if name != "README.md"} == content(plain)
    assert content(export_model(again, tmp_path / "twice")) == content(exported)
    assert content(export_model(plain, again)) == content(exported)  # in the place of an older export


def test_what_is_given_takes_the_place_of_what_the_model_says(plain, tmp_path, capsys):
    given = ["--language", "bfi, en", "--licence", "CC BY-NC 4.0", "--dataset", "mine", "--title", "BSL: weather"]
    assert main("model", ["export", str(plain), "-o", str(tmp_path / "m"), *given], "") == 0
    header = read_header((tmp_path / "m/README.md").read_text(encoding="utf-8"))
    assert (header["language"], header["license"], header["datasets"]) == (["bfi", "en"], "cc-by-nc-4.0", ["mine"])
    assert header["model-index"][0]["name"] == "BSL: weather"
    assert "slt model push" in capsys.readouterr().out


def test_a_model_that_says_too_little_is_asked(model, tmp_path):
    config = yaml.safe_load((model / "model.yaml").read_text())
    del config["card"]
    (model / "model.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(InputError, match="--language"):
        export_model(model, tmp_path / "out")
    export_model(model, tmp_path / "out", ("de",), "MIT", "rendered")


def test_neither_other_files_are_replaced_nor_damaged_ones_exported(model, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(InputError, match=r"letter\.txt"):
        export_model(model, tmp_path / "mine")
    with pytest.raises(InputError, match="is a file"):
        export_model(model, tmp_path / "mine/letter.txt")
    (model / "scores.json").write_text('{"test": {"bleu4": 99.0}}')
    with pytest.raises(InputError, match=r"scores\.json: is not the file"):
        export_model(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_does_not_lie_within_the_model(plain, tmp_path):
    with pytest.raises(InputError, match="lies in the model's own folder"):
        export_model(plain, plain / "export")
    assert not (plain / "export").exists()
