"""A recogniser of isolated signs, trained on single words of the toy language."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from skeletor.learning.checkpoint import save_snapshot, snapshot_path
from skeletor.support.errors import InputError
from slt.recognise.config import PRESETS
from slt.recognise.isolated import (
    SIGNS,
    SignReader,
    SignTask,
    _choose,
    _latest_as_good,
    other_people,
    pooled,
    train_signs,
)
from slt.recognise.load import load_reader
from slt.recognise.train import GlossClip
from tests.slt.toy import WORDS, perform


def signs(number: int, seed: int) -> list[GlossClip]:
    """Clips of one word each, all words as often."""
    made = [(WORDS[k % 4], perform([WORDS[k % 4]] * (1 + k % 3), 1000 * seed + k)) for k in range(number)]
    return [GlossClip(f"c{seed}-{k}", pose, (word,)) for k, (word, pose) in enumerate(made)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[SignReader, Path]:
    folder = tmp_path_factory.mktemp("signs")
    return train_signs(signs(48, 1), signs(8, 2), PRESETS["tiny"], folder, 3, "cpu"), folder


def test_it_knows_what_it_has_not_seen(trained):
    fresh = signs(20, 5)
    said = [h.text for h in trained[0].translate([clip.pose for clip in fresh])]
    assert np.mean([a == clip.glosses[0] for a, clip in zip(said, fresh, strict=True)]) > 0.9


def test_guesses_are_probabilities_best_first_and_the_sentence_is_the_best(trained):
    poses = [clip.pose for clip in signs(9, 6)]
    for guesses, hypothesis in zip(trained[0].top(poses), trained[0].translate(poses), strict=True):
        sure = [one.confidence for one in guesses]
        assert {one.label for one in guesses} == set(WORDS) and sure == sorted(sure, reverse=True)
        assert sum(sure) == pytest.approx(1, abs=1e-3)
        assert (hypothesis.text, pytest.approx(hypothesis.confidence, abs=1e-3)) == (guesses[0].label, sure[0])
    assert [len(one) for one in trained[0].top(poses, 2)] == [2] * 9


def test_pooling_is_the_softmax_of_the_mean_logits():
    logits = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = logits[:, 1:].mean(0).log_softmax(0)
    np.testing.assert_allclose(pooled(logits.log_softmax(1).numpy()), expected.numpy(), atol=1e-12)


def test_a_saved_one_says_the_same(trained):
    reader, folder = trained
    poses = [clip.pose for clip in signs(5, 7)]
    again = load_reader(folder, "cpu")
    assert isinstance(again, SignReader) and again.top(poses) == reader.top(poses)
    assert again.top([reader.features(pose) for pose in poses]) == reader.top(poses)
    (folder / "copy").mkdir()
    again.save(folder / "copy")
    assert (folder / "copy" / SIGNS).read_bytes() == (folder / SIGNS).read_bytes()


def test_a_clip_is_read_alone_as_among_others(trained):
    poses = [clip.pose for clip in signs(6, 8)]
    for pose, guesses in zip(poses, trained[0].top(poses), strict=True):
        (alone,) = trained[0].top([pose])
        assert [one.label for one in alone] == [one.label for one in guesses]
        np.testing.assert_allclose([g.confidence for g in alone], [g.confidence for g in guesses], atol=2e-4)


def test_what_cannot_be_learned_is_refused(trained, tmp_path):
    same = [GlossClip(clip.name, clip.pose, ("one",)) for clip in signs(4, 1)]
    with pytest.raises(InputError, match="at least two labels"):
        train_signs(same, same, PRESETS["tiny"], tmp_path, 0, "cpu")
    with pytest.raises(InputError, match="no clips"):
        train_signs([], same, PRESETS["tiny"], tmp_path, 0, "cpu")
    with pytest.raises(InputError, match="no glosses"):
        trained[0].recognise([])
    (tmp_path / SIGNS).write_bytes(b"x")
    with pytest.raises(InputError, match=SIGNS):
        load_reader(tmp_path, "cpu")


class _Read:
    """A trained task whose dev is read as well after each step as `rates` say; its weights are the step's number."""

    def __init__(self, folder: Path, rates: dict[int, float], clips: int) -> None:
        self.network, self.dev, self._rates = nn.Linear(1, 1, bias=False), [np.zeros(1)] * clips, rates
        self.options = SimpleNamespace(snapshots=frozenset(rates), name="recogniser")
        self.state = SimpleNamespace(progress=SimpleNamespace(step=max(rates)), network=self.network, average={})
        for step in rates:
            nn.init.constant_(self.network.weight, step)
            save_snapshot(snapshot_path(folder, "recogniser", step), self.state)
        self.task = self

    def validate(self) -> dict[str, float]:
        return {"dev_top1": self._rates[int(self.network.weight)]}


@pytest.mark.parametrize(("clips", "taken"), [(400, 4), (20, 8), (1, 32)])
def test_dev_says_how_long_is_learned_and_a_few_clips_say_little(tmp_path, clips, taken):
    trained = _Read(tmp_path, {2: 50.0, 4: 80.0, 8: 74.0, 16: 60.0, 32: 55.0}, clips)
    _choose(trained, tmp_path)
    assert int(trained.network.weight) == taken


def test_a_snapshot_that_is_gone_is_told_and_left_out(tmp_path, caplog):
    trained = _Read(tmp_path, {2: 50.0, 4: 80.0, 8: 20.0}, 400)
    snapshot_path(tmp_path, "recogniser", 4).unlink()
    _choose(trained, tmp_path)
    assert int(trained.network.weight) == 2 and "step-4" in caplog.text


def test_other_people_are_some_of_them_with_all_their_clips():
    people = [f"p{k % 9}" for k in range(90)]
    apart = other_people(people)
    assert {p for p, is_dev in zip(people, apart, strict=True) if is_dev} == {"p0", "p4", "p8"} and apart.sum() == 30
    assert not other_people(["a", "b", "a"]).any() and other_people(["a", "b", "c"]).sum() == 1


def test_a_killed_training_ends_with_the_same_bytes(tmp_path, monkeypatch):
    recipe = PRESETS["tiny"].model_copy(update={"epochs": 4.0})
    known, dev = signs(24, 1), signs(8, 2)
    train_signs(known, dev, recipe, tmp_path / "whole", 3, "cpu")
    loss, left = SignTask.loss, iter(range(7))

    def killed(self: SignTask, *values: object) -> torch.Tensor:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return loss(self, *values)

    monkeypatch.setattr(SignTask, "loss", killed)
    with pytest.raises(KeyboardInterrupt):
        train_signs(known, dev, recipe, tmp_path / "killed", 3, "cpu")
    assert list((tmp_path / "killed").glob("*step-4*")) and not (tmp_path / "killed" / SIGNS).exists()
    monkeypatch.setattr(SignTask, "loss", loss)
    for _ in range(2):  # again when all is done, too
        train_signs(known, dev, recipe, tmp_path / "killed", 3, "cpu")
        assert (tmp_path / "killed" / SIGNS).read_bytes() == (tmp_path / "whole" / SIGNS).read_bytes()


@pytest.mark.parametrize("clips", [3, 7, 10, 40, 400])
def test_one_clip_of_dev_is_no_reason_to_stop_early_and_many_are(clips: int) -> None:
    one_less = 100 * (clips - 1) / clips
    assert _latest_as_good({10: 100.0, 100: one_less}, clips) == 100
    assert _latest_as_good({10: one_less, 100: 100.0}, clips) == 100
    assert _latest_as_good({10: 100.0, 100: 50.0}, clips) == 10
