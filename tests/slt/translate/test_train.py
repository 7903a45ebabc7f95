import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from skeletor.support.errors import InputError
from skeletor.support.progress import log
from skeletor.support.together import Processes
from slt.score.scores import score
from slt.translate.config import PRESETS, TranslateConfig
from slt.translate.joey.batches import Example
from slt.translate.joey.decoding.decode import Decoding
from slt.translate.joey.surroundings import quiet
from slt.translate.joey.trainer import Trainer, average
from slt.translate.train import train_gloss2text, train_translator
from slt.translate.translator import Translator
from tests.slt.killed import killed_at

TINY = PRESETS["tiny"]


def config(**values) -> TranslateConfig:
    return TINY.model_copy(update=values)


@pytest.fixture
def said() -> Iterator[list[str]]:
    """The lines of the house's log."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    log.addHandler(handler)
    yield lines
    log.removeHandler(handler)


@pytest.fixture(scope="module")
def trained(toy, tmp_path_factory):
    """A small network that has learned the toy language, its result and its folder."""
    options = config(
        hidden=32,
        feed_forward=64,
        max_updates=160,
        validate_every=40,
        learning_rate=8e-3,
        warmup=20,
        batch=16,
        beams=[1, 2],
        alphas=[1.0],
    )
    out = tmp_path_factory.mktemp("trained")
    return train_translator(toy.examples(160, 0), toy.examples(30, 1), options, out, seed=1, device="cpu"), out


def test_it_learns_a_toy_language_from_skeletons(toy, trained):
    result, out = trained
    assert result.dev.bleu1 > 70 and result.updates == 160
    assert result.curve[0]["loss"] > result.curve[-1]["loss"] and len(result.curve) == 4
    test = toy.examples(20, 2)
    found = Translator.load(out, "cpu").translate([e.pose for e in test])
    right = sum(w in h.tokens for e, h in zip(test, found, strict=True) for w in e.text.split())
    assert right / sum(len(e.text.split()) for e in test) > 0.8
    assert all(h.complete and 0 < h.confidence <= 1 for h in found)


def test_tensorboard_whose_thread_would_die_on_a_full_disk_writes_nothing(trained):
    assert not list(trained[1].rglob("*tfevents*"))


def test_a_loaded_translator_gives_what_was_scored_on_dev(toy, trained):
    result, out = trained
    dev = toy.examples(30, 1)
    texts = [h.text for h in Translator.load(out, "cpu").translate([e.pose for e in dev])]
    assert score(texts, [e.text for e in dev]) == result.dev
    stored = json.loads((out / "training.json").read_text())
    assert stored["dev"]["bleu4"] == result.dev.bleu4 and stored["decoding"]["beam"] == result.decoding.beam


def test_it_works_from_another_place_and_with_other_decoding(toy, trained, tmp_path):
    _, out = trained
    for name in ("translator.safetensors", "vocabulary.txt"):
        shutil.copy(out / name, tmp_path / name)
    translator = Translator.load(tmp_path, "cpu", Decoding(1, 0.0, 2))
    pose = toy.examples(1, 3)[0].pose
    assert len(translator.translate([pose])[0].tokens) <= 2
    assert translator.translate([]) == []
    assert not any("tmp" in value for value in _header(tmp_path / "translator.safetensors").values())


def _header(path):
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        return file.metadata()


def test_damaged_and_missing_files_are_one_clear_line(trained, tmp_path):
    _, out = trained
    with pytest.raises(InputError, match="is missing"):
        Translator.load(tmp_path)
    weights, words = (out / "translator.safetensors").read_bytes(), (out / "vocabulary.txt").read_text()

    def broken(data: bytes, vocabulary: str | None, message: str) -> None:
        (tmp_path / "translator.safetensors").write_bytes(data)
        (tmp_path / "vocabulary.txt").unlink(missing_ok=True)
        if vocabulary is not None:
            (tmp_path / "vocabulary.txt").write_text(vocabulary)
        with pytest.raises(InputError, match=message) as caught:
            Translator.load(tmp_path)
        assert "\n" not in str(caught.value)

    broken(weights[:-100], words, "not a readable safetensors file")
    broken(b"not a file", words, "not a readable safetensors file")
    broken(weights, None, "vocabulary cannot be read")
    broken(weights, "a\nb\n", "not a vocabulary")
    broken(weights, words + "neu\n", "not the vocabulary")
    lines = words.splitlines()
    broken(weights, "\n".join([*lines[:-2], lines[-1], lines[-2]]) + "\n", "not the vocabulary")


def test_a_training_repeats_bit_by_bit_and_depends_on_its_seed(toy, tmp_path):
    train, dev = toy.examples(40, 0), toy.examples(6, 1)
    options = config(max_updates=20, validate_every=10, stretch=0.2)
    weights = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train_translator(train, dev, options, tmp_path / name, seed, "cpu")
        translator = Translator.load(tmp_path / name, "cpu")
        weights.append(translator.model.encoder.layers[0].feed_forward.pwff_layer[0].weight)
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("sentences", [100, 40, 80])  # batches an epoch: 4, 2 (update 10 ends one), 3
def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(toy, tmp_path_factory, sentences):
    tmp_path, whole = tmp_path_factory.mktemp("killed"), tmp_path_factory.mktemp("whole")
    train, dev = toy.examples(sentences, 0), toy.examples(6, 1)
    options = config(max_updates=20, validate_every=5, dropout=0.1, stretch=0.1, batch=32)
    train_translator(train, dev, options, whole, 0, "cpu")
    steps = Trainer._train_step
    killed_at(13, Trainer, lambda: train_translator(train, dev, options, tmp_path, 0, "cpu"))
    assert (tmp_path / "checkpoints/10.ckpt").exists() and not (tmp_path / "translator.safetensors").exists()
    (tmp_path / "checkpoints/15.ckpt").write_bytes(b"half a checkpoint")
    (tmp_path / "checkpoints/15.generator").write_bytes(b"")
    with (tmp_path / "checkpoints/validations.txt").open("a") as report:  # killed behind the validation's line
        report.write("Steps: 15\tloss: 2.97236\tacc: 0.01852\tppl: 19.53798\tbleu: 0.00000\tLR: 0.00100000\t\nSteps: 2")
    done = []

    def counting(self, batch):
        done.append(self.stats.steps)
        return steps(self, batch)

    Trainer._train_step = counting
    try:
        result = train_translator(train, dev, options, tmp_path, 0, "cpu")
    finally:
        Trainer._train_step = steps
    assert done[0] == 10 and result.updates == 20
    assert [row["steps"] for row in result.curve] == [5, 10, 15, 20]
    assert (tmp_path / "translator.safetensors").read_bytes() == (whole / "translator.safetensors").read_bytes()
    again = train_translator(train, dev, options, tmp_path, 0, "cpu")
    assert again.updates == 20 and again.dev == result.dev


def test_other_data_or_options_start_anew(toy, tmp_path):
    dev = toy.examples(6, 1)
    train_translator(toy.examples(20, 0), dev, config(max_updates=10, validate_every=10), tmp_path, 0, "cpu")
    result = train_translator(toy.examples(20, 5), dev, config(max_updates=10, validate_every=10), tmp_path, 0, "cpu")
    assert [row["steps"] for row in result.curve] == [10]


def test_the_time_limit_ends_with_a_validation(toy, tmp_path):
    options = config(max_updates=100_000, validate_every=50_000, max_minutes=0.02)
    result = train_translator(toy.examples(20, 0), toy.examples(4, 1), options, tmp_path, 0, "cpu")
    assert 1 <= result.updates < 2000 and result.curve[-1]["steps"] == result.updates


def test_patience_ends_the_training(toy, tmp_path):
    options = config(max_updates=2000, validate_every=10, patience=2, learning_rate=1e-9, warmup=0)
    result = train_translator(toy.examples(20, 0), toy.examples(4, 1), options, tmp_path, 0, "cpu")
    assert result.updates == 30


@pytest.mark.parametrize("schedule", ["plateau", "constant"])
def test_other_schedules_and_sentencepiece(toy, tmp_path, schedule):
    options = config(max_updates=20, validate_every=10, schedule=schedule, level="spm", spm_size=40, norm="post")
    result = train_translator(toy.examples(20, 0), toy.examples(4, 1), options, tmp_path, 0, "cpu")
    assert result.curve[-1]["lr"] == pytest.approx(options.learning_rate)
    assert Translator.load(tmp_path, "cpu").translate([toy.examples(1, 2)[0].pose])


def test_text_without_spaces_by_characters(toy, tmp_path, said):
    signs = dict(zip(toy.words, "雨晴風雪月南冷朝", strict=True))
    parts = [
        [replace(e, text="".join(signs[w] for w in e.text.split())) for e in toy.examples(number, seed)]
        for number, seed in ((40, 0), (6, 1))
    ]
    options = config(max_updates=20, validate_every=10, level="char", score_tokens="zh", max_words=4)
    result = train_translator(*parts, options, tmp_path, 0, "cpu")
    assert "tok:zh" in result.dev.signature
    loaded = Translator.load(tmp_path, "cpu")
    texts = [h.text for h in loaded.translate([e.pose for e in parts[1]])]
    assert score(texts, [e.text for e in parts[1]], tokens="zh") == result.dev
    assert any(texts) and all(set(text.replace("<unk>", "")) <= set(signs.values()) for text in texts)
    long = sum(len(e.text) > 4 for e in parts[0])
    assert long > 0 and f"translator: {long} of 40 sentences have more tokens than max_words (4)" in "\n".join(said)


def test_lower_case_is_learned_and_scored_or_the_case_is_kept(toy, tmp_path):
    parts = [
        [replace(e, text=e.text.title()) for e in toy.examples(number, seed)] for number, seed in ((20, 0), (4, 1))
    ]
    for case, known in (("lower", set(toy.words)), ("keep", {word.title() for word in toy.words})):
        options = config(max_updates=4, validate_every=2, case=case)
        result = train_translator(*parts, options, tmp_path / case, 0, "cpu")
        words = Translator.load(tmp_path / case, "cpu").text.words
        assert set(words._itos) - set(words.specials) <= known
        assert result.dev.n == 4


def test_gloss_to_text_learns_and_is_loaded(toy, tmp_path):
    pairs = [[(e.glosses, e.text) for e in toy.examples(n, s)] for n, s in ((160, 0), (20, 1))]
    options = config(hidden=32, feed_forward=64, max_updates=120, validate_every=60, learning_rate=8e-3, batch=16)
    result = train_gloss2text(*pairs, options, tmp_path, 0, "cpu")
    texts = [text for _, text in pairs[1]]
    floor = max(score([text] * len(texts), texts).rouge for text in texts)  # the best constant sentence
    assert result.dev.rouge > floor + 30
    found = Translator.load(tmp_path, "cpu").translate_glosses([("REGEN", "UNBEKANNT", "WIND"), ("SONNE",)])
    assert len(found) == 2 and "regen" in found[0].tokens
    with pytest.raises(InputError, match="no glosses"):
        train_gloss2text([((), "a")], pairs[1], options, tmp_path / "x", 0, "cpu")


def test_bad_examples_are_refused(toy, tmp_path):
    good = toy.examples(2, 0)
    with pytest.raises(InputError, match="no training"):
        train_translator([], good, TINY, tmp_path, 0, "cpu")
    with pytest.raises(InputError, match="no dev"):
        train_translator(good, [], TINY, tmp_path, 0, "cpu")
    with pytest.raises(InputError, match=r"clip0.*empty"):
        train_translator([Example("clip0", good[0].pose, " ")], good, TINY, tmp_path, 0, "cpu")
    with pytest.raises(InputError, match="device"):
        train_translator(good, good, TINY, tmp_path, 0, "cuda:99")


def test_longer_clips_are_left_out_of_training_alone(toy, tmp_path):
    train, dev = toy.examples(30, 0), toy.examples(6, 1)
    longest = sorted(len(e.pose) for e in train)[20]
    options = config(max_updates=4, validate_every=4, beams=[1])
    short = [e for e in train if len(e.pose) <= longest]
    assert 0 < len(short) < len(train) and max(len(e.pose) for e in dev) > 8
    limited = options.model_copy(update={"max_frames": longest})
    left_out = train_translator(train, dev, limited, tmp_path / "a", 0, "cpu")
    by_hand = train_translator(short, dev, options, tmp_path / "b", 0, "cpu")
    assert left_out.curve == by_hand.curve and left_out.dev == by_hand.dev
    with pytest.raises(InputError, match="every training clip is longer"):
        train_translator(train, dev, limited.model_copy(update={"max_frames": 1}), tmp_path / "c", 0, "cpu")


def test_plateau_lowers_the_rate_and_ends_below_the_least_one(toy, tmp_path):
    """Nothing is learned at such a rate, so no validation after the first is better: patience 1, then a decrease each
    second validation, and the end when the rate is below the limit, long before the updates are used up."""
    options = config(
        schedule="plateau", patience=1, plateau_factor=0.5, plateau_end=3e-12, learning_rate=1e-11, max_updates=400,
        validate_every=2, validation_sentences=2, keep=1, beams=[1], clip_norm=None, normalise_loss="batch",
    )  # fmt: skip
    result = train_translator(toy.examples(8, 0), toy.examples(2, 1), options, tmp_path, 0, "cpu")
    rates = [row["lr"] for row in result.curve]
    assert result.updates < 40 and result.averaged == 1
    assert (tmp_path / "train.log").read_text().count("minimum lr") >= 1
    assert len(rates) == result.updates // 2


def test_precomputed_features_are_the_same_as_poses(toy, tmp_path):
    from slt.translate.features import pose_features

    train, dev = toy.examples(20, 0), toy.examples(4, 1)
    options = config(max_updates=10, validate_every=10)
    direct = train_translator(train, dev, options, tmp_path / "a", 0, "cpu")
    features = [[Example(e.name, pose_features(e.pose), e.text) for e in part] for part in (train, dev)]
    assert train_translator(*features, options, tmp_path / "b", 0, "cpu").curve == direct.curve


def test_joeynmt_is_quiet_and_its_log_is_a_file(toy, trained, tmp_path, capfd):
    logger = logging.getLogger("joeynmt.training")
    before = list(logger.handlers)
    with quiet(tmp_path / "log"):
        logger.info("hello")
        logging.getLogger("joeynmt.helpers").info("there")
    assert logger.handlers == before
    assert "hello" in (tmp_path / "log").read_text() and "there" in (tmp_path / "log").read_text()
    assert "EPOCH" in (trained[1] / "train.log").read_text()
    train_translator(
        toy.examples(8, 0), toy.examples(2, 1), config(max_updates=4, validate_every=2), tmp_path / "m", 0, "cpu"
    )
    out, err = capfd.readouterr()
    assert out == "" and "INFO" not in err and "Predicting" not in err


def test_checkpoints_are_averaged(tmp_path):
    for k in (1, 3):
        torch.save({"model_state": {"w": torch.full((2,), float(k)), "n": torch.tensor(k)}}, tmp_path / f"{k}.ckpt")
    mean = average([tmp_path / "1.ckpt", tmp_path / "3.ckpt"])
    assert mean["w"].tolist() == [2, 2] and int(mean["n"]) == 1
    assert np.isfinite(mean["w"].numpy()).all()


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        RuntimeError("[enforce fail at inline_container.cc:895] . PytorchStreamWriter failed writing file data/0"),
    ],
)
def test_a_checkpoint_that_could_not_be_written_whole_does_not_stay(tmp_path, monkeypatch, error):
    import joeynmt.training

    def cut(self, new_best, score):
        (self.model_dir / f"{self.stats.steps}.ckpt").write_bytes(b"half")
        raise error

    monkeypatch.setattr(joeynmt.training.TrainManager, "_save_checkpoint", cut)
    trainer = Trainer.__new__(Trainer)
    trainer.model_dir, trainer.stats, trainer.processes = tmp_path, SimpleNamespace(steps=4), Processes()
    with pytest.raises(InputError, match=r"4\.ckpt: .*disk"):
        trainer._save_checkpoint(True, 1.0)
    assert not list(tmp_path.iterdir())
