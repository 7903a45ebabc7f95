"""A cascade of several recognisers and several Gloss2Text models, as one system in one folder."""

import dataclasses
from pathlib import Path

import pytest

from skeletor.support.errors import InputError
from slt.inference.model_files import check_files
from slt.inference.model_folder import Card, ModelConfig, load_model_folder, save_model_folder
from slt.recognise.cascade import Cascade, certainty
from slt.recognise.decoding.decode import read
from slt.recognise.ensemble.recognisers import Recognisers
from slt.recognise.ensemble.translators import Translators
from slt.recognise.load import load_reader
from slt.recognise.recogniser import Recogniser
from slt.translate.abstain import fit_abstention
from tests.slt.recognise.ensemble.readers import recogniser, translator
from tests.slt.toy import clips

POSES = [e.pose for e in clips(4, 3)]


def system(folder: Path) -> Cascade:
    """Written into a folder; its vocabulary lies in `text` beside it."""
    text = folder.parent / "text"
    several = Translators.of([translator(k, text) for k in (1, 2, 3)])
    made = Cascade(Recognisers.of([recogniser(1), recogniser(2)]), several)
    made.save(folder, text)
    return made


def test_a_folder_with_several_is_one_cascade(tmp_path: Path) -> None:
    made = system(tmp_path / "whole")
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == [
        "recogniser-2.safetensors", "recogniser.safetensors", "translator-2.safetensors", "translator-3.safetensors",
        "translator.safetensors", "vocabulary.txt",
    ]  # fmt: skip
    again = load_reader(tmp_path / "whole", "cpu")
    assert isinstance(again, Cascade)
    assert isinstance(again.recogniser, Recognisers) and len(again.recogniser.members) == 2
    assert isinstance(again.translator, Translators) and len(again.translator.members) == 3
    found = again.translate(POSES)
    assert [h.text for h in found] == [h.text for h in made.translate(POSES)]
    read_together = made.recognise(POSES)
    assert again.recognise(POSES) == read_together and any(read_together)
    assert [tuple(s.gloss for s in signs) for signs in again.signs(POSES)] == read_together
    plain = made.translator.translate_glosses(read_together)
    for k, log_probs in enumerate(made.recogniser.log_probabilities(POSES)):
        ids = read(log_probs, made.recogniser.trigram, made.recogniser.reading)
        if ids:
            assert found[k].log_prob == pytest.approx(plain[k].log_prob + certainty(log_probs, ids), abs=1e-5)


def test_a_member_of_another_kind_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    system(folder)
    other = recogniser(2)
    dataclasses.replace(other, glosses=("A", *other.glosses[1:])).save(folder, "recogniser-2.safetensors")
    with pytest.raises(InputError, match="number 2 has other glosses"):
        load_reader(folder, "cpu")


def test_a_smaller_system_in_the_same_folder_is_read_alone(tmp_path: Path) -> None:
    folder, text = tmp_path / "whole", tmp_path / "text"
    system(folder)
    two = Translators.of([translator(k, text) for k in (1, 2)])
    made = Cascade(recogniser(1), two)
    made.save(folder, text)
    again = load_reader(folder, "cpu")
    assert isinstance(again, Cascade) and isinstance(again.recogniser, Recogniser)
    assert isinstance(again.translator, Translators) and len(again.translator.members) == 2
    assert [h.text for h in again.translate(POSES)] == [h.text for h in made.translate(POSES)]


def test_a_model_folder_of_several(tmp_path: Path) -> None:
    made = system(tmp_path / "whole")
    unseen = [e.pose for e in clips(30, 7)]
    abstention = fit_abstention(made, [e.pose for e in clips(30, 1)], unseen, unseen, 0.01)
    config = ModelConfig({"name": "mediapipe"}, "1", {"mode": "fast"}, {"name": "none"}, 25.0)
    folder = save_model_folder(
        tmp_path / "model", config, tmp_path / "whole", abstention, {}, Card("Toy", "Toy.", "none", "Nothing.")
    )
    loaded = load_model_folder(folder, "cpu")
    assert {"recogniser-2.safetensors", "translator-3.safetensors"} <= set(loaded.config["files"])
    assert [h.text for h in loaded.translator.translate(POSES)] == [h.text for h in made.translate(POSES)]
    listed = {k: v for k, v in loaded.config["files"].items() if k != "recogniser-2.safetensors"}
    with pytest.raises(InputError, match=r"recogniser-2\.safetensors is not listed"):
        check_files(folder, listed)
