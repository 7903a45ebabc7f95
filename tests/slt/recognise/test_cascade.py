"""Glosses recognised, then translated, as one system with the face of a translator."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from slt.inference.chain import load_chain
from slt.inference.model_folder import Card, ModelConfig, load_model_folder, save_model_folder
from slt.inference.recording import Recording, translate_recording
from slt.recognise.cascade import Cascade, certainty
from slt.recognise.config import PRESETS as RECOGNISERS
from slt.recognise.load import load_reader
from slt.recognise.recogniser import Recogniser
from slt.recognise.train import GlossClip, train_recogniser
from slt.score.scores import score
from slt.translate.abstain import fit_abstention
from slt.translate.config import PRESETS
from slt.translate.train import train_gloss2text
from slt.translate.translator import Translator
from tests.slt.toy import clips, perform


@pytest.fixture(scope="module")
def cascade(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cascade, Path]:
    root = tmp_path_factory.mktemp("cascade")
    made = {split: clips(number, seed) for split, number, seed in (("train", 120, 1), ("dev", 12, 2))}
    glossed = {split: [GlossClip(e.name, e.pose, e.glosses) for e in some] for split, some in made.items()}
    train_recogniser(glossed["train"], glossed["dev"], RECOGNISERS["tiny"], root / "reader", 0, "cpu")
    options = PRESETS["tiny"].model_copy(update={"max_updates": 150, "validate_every": 150, "beams": [1]})
    pairs = {split: [(e.glosses, e.text) for e in some] for split, some in made.items()}
    train_gloss2text(pairs["train"], pairs["dev"], options, root / "text", 0, "cpu")
    system = Cascade(Recogniser.load(root / "reader", "cpu"), Translator.load(root / "text", "cpu"))
    system.save(root / "whole", root / "text")
    return system, root


def test_it_translates_what_it_reads(cascade: tuple[Cascade, Path]) -> None:
    system, _ = cascade
    some = clips(8, 5)
    poses = [e.pose for e in some]
    texts = [h.text for h in system.translator.translate_glosses(system.recognise(poses))]
    found = system.translate(poses)
    assert [h.text for h in found] == texts and len(set(texts)) > 1
    assert system.recognised == ("REGEN", "SCHNEE", "SONNE", "WIND")
    assert [h.text for h in system.translate([system.features(pose) for pose in poses])] == texts


def test_where_no_gloss_is_read_nothing_is_translated(
    cascade: tuple[Cascade, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    system, _ = cascade
    nothing = np.log(np.full((6, 5), 1e-6, np.float32))
    nothing[:, 0] = 0.0
    monkeypatch.setattr(Recogniser, "log_probabilities", lambda self, poses: [nothing] * len(poses))
    (hypothesis,) = system.translate([clips(1, 1)[0].pose])
    assert hypothesis.text == "" and hypothesis.tokens == () and hypothesis.log_prob == -np.inf
    assert [h.text for h in system.translator.translate_glosses([(), ()])] == ["", ""]


def test_who_reads_badly_is_not_sure_of_the_sentence(cascade: tuple[Cascade, Path]) -> None:
    system, _ = cascade
    pose = clips(1, 6)[0].pose
    (sure,) = system.translate([pose])
    (alone,) = system.translator.translate_glosses(system.recognise([pose]))
    (log_probs,) = system.recogniser.log_probabilities([pose])
    numbers = {gloss: k + 1 for k, gloss in enumerate(system.recognised)}
    ids = tuple(numbers[g] for g in system.recognise([pose])[0])
    assert sure.log_prob == pytest.approx(alone.log_prob + certainty(log_probs, ids)) and sure.log_prob < alone.log_prob


def test_certainty_is_the_sum_over_alignments() -> None:
    log_probs = np.log(np.array([[0.6, 0.4], [0.6, 0.4]], np.float32))
    assert certainty(log_probs, (1,)) == pytest.approx(np.log(0.64))
    assert certainty(log_probs, (1, 1, 1)) == -99.0  # more glosses than steps


def test_each_sign_has_its_time_and_how_sure_it_is(cascade: tuple[Cascade, Path]) -> None:
    system, _ = cascade
    pose = perform(["regen", "wind", "sonne"], 77)  # .28 s each
    (signs,) = system.signs([pose])
    assert [s.gloss for s in signs] == ["REGEN", "WIND", "SONNE"] == list(system.recognise([pose])[0])
    for k, sign in enumerate(signs):
        assert 0 <= sign.start < sign.end <= 0.84 + 0.16 and 0.2 < sign.confidence <= 1
        assert 0.28 * k - 0.16 <= sign.start and sign.end <= 0.28 * (k + 1) + 0.16


def test_the_chain_tells_the_signs(cascade: tuple[Cascade, Path], tmp_path: Path) -> None:
    system, root = cascade
    train, unseen = [e.pose for e in clips(60, 1)], [e.pose for e in clips(60, 7)]
    abstention = fit_abstention(system, train, unseen, unseen, 0.01)
    config = ModelConfig({"name": "mediapipe"}, "1", {"mode": "fast"}, {"name": "none"}, 25.0)
    folder = save_model_folder(
        tmp_path / "model", config, root / "whole", abstention, {}, Card("Toy", "Toy.", "none", "Nothing.")
    )
    pose = perform(["regen", "wind", "sonne"], 78)
    result = load_chain(folder, device="cpu").translate(tmp_path / "x.mp4", estimate=lambda _: pose)
    assert result.text and result.glosses == ("REGEN", "WIND", "SONNE")
    told = json.loads(result.json())["signs"]
    assert [s["gloss"] for s in told] == ["REGEN", "WIND", "SONNE"] and set(told[0]) == {
        "gloss", "start", "end", "confidence",
    }  # fmt: skip
    assert "signs" not in json.loads(dataclasses.replace(result, signs=None).json())
    recording = translate_recording(load_chain(folder, device="cpu"), "x", lambda _: pose)
    assert isinstance(recording, Recording)
    (sentence,) = json.loads(recording.json())["sentences"]
    assert [s["gloss"] for s in sentence["signs"]] == sentence["glosses"] and sentence["glosses"]
    assert all(sentence["start_s"] <= s["start"] < s["end"] for s in sentence["signs"])


def test_its_states_are_those_of_its_recogniser(cascade: tuple[Cascade, Path]) -> None:
    system, _ = cascade
    poses = [e.pose for e in clips(3, 4)]
    batches = system.encode(poses)
    assert [b.positions for b in batches] == [(0,), (1,), (2,)]
    for batch, states in zip(batches, system.recogniser.states(poses), strict=True):
        assert batch.states.shape == (1, len(states), system.width) and batch.mask.all()
        torch.testing.assert_close(batch.states[0], torch.from_numpy(states))


def test_a_folder_with_a_recogniser_is_a_cascade(cascade: tuple[Cascade, Path]) -> None:
    system, root = cascade
    again = load_reader(root / "whole", "cpu")
    assert isinstance(again, Cascade) and isinstance(load_reader(root / "text", "cpu"), Translator)
    poses = [e.pose for e in clips(4, 3)]
    assert [h.text for h in again.translate(poses)] == [h.text for h in system.translate(poses)]


def test_a_model_folder_of_a_cascade(cascade: tuple[Cascade, Path]) -> None:
    system, root = cascade
    train, unseen = [e.pose for e in clips(60, 1)], [e.pose for e in clips(60, 7)]
    abstention = fit_abstention(system, train, unseen, unseen, 0.01)
    config = ModelConfig({"name": "mediapipe"}, "1", {"mode": "fast"}, {"name": "none"}, 25.0)
    scores = {"dev": score(["viel regen ."], ["viel regen ."])}
    card = Card("Toy", "Toy.", "none", "Nothing.")
    folder = save_model_folder(root / "model", config, root / "whole", abstention, scores, card)
    loaded = load_model_folder(folder, "cpu")
    assert isinstance(loaded.translator, Cascade) and "recogniser" in loaded.config
    pose = clips(1, 9)[0].pose
    (hypothesis,) = loaded.translator.translate([pose])
    signals = loaded.abstention.signals(loaded.translator, pose, pose, hypothesis)
    assert loaded.abstention.reason(signals) is None
    backwards = pose.replace(np.random.default_rng(0).normal(0, 1, pose.keypoints.shape).astype(np.float32))
    (strange,) = loaded.translator.translate([backwards])
    assert loaded.abstention.reason(loaded.abstention.signals(loaded.translator, pose, backwards, strange))
