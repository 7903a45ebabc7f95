"""A recogniser trained on the toy language."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from skeletor.support.errors import InputError
from slt.data.alignments import Span
from slt.recognise.config import PRESETS, RecogniserConfig
from slt.recognise.recogniser import WEIGHTS, Recogniser, raw_features
from slt.recognise.train import GlossClip, train_recogniser
from slt.score.wer import word_error_rate
from tests.slt.toy import clips

CONFIG = PRESETS["tiny"]


def glossed(number: int, seed: int) -> list[GlossClip]:
    """Each word of the toy language lasts seven frames."""
    made = []
    for example in clips(number, seed):
        spans = tuple(Span(7 * k, 7 * k + 7, gloss) for k, gloss in enumerate(example.glosses))
        made.append(GlossClip(example.name, example.pose, example.glosses, spans))
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recogniser, Path]:
    folder = tmp_path_factory.mktemp("recogniser")
    return train_recogniser(glossed(120, 1), glossed(12, 2), CONFIG, folder, 3, "cpu"), folder


def test_it_reads_what_it_has_not_seen(trained: tuple[Recogniser, Path]) -> None:
    recogniser, _ = trained
    fresh = [c for c in glossed(30, 5) if all(a != b for a, b in zip(c.glosses, c.glosses[1:], strict=False))]
    read = recogniser.recognise([clip.pose for clip in fresh])
    assert word_error_rate(read, [clip.glosses for clip in fresh]) < 10


def test_a_saved_one_reads_the_same(trained: tuple[Recogniser, Path]) -> None:
    recogniser, folder = trained
    again = Recogniser.load(folder, "cpu")
    poses = [clip.pose for clip in glossed(5, 6)]
    assert again.recognise(poses) == recogniser.recognise(poses)
    for one, other in zip(again.log_probabilities(poses), recogniser.log_probabilities(poses), strict=True):
        np.testing.assert_array_equal(one, other)
    again.save(folder / "copy")
    assert (folder / "copy" / WEIGHTS).read_bytes() == (folder / WEIGHTS).read_bytes()


def test_a_clip_is_read_alone_as_among_others(trained: tuple[Recogniser, Path]) -> None:
    recogniser, _ = trained
    poses = [clip.pose for clip in glossed(9, 8)]
    together = recogniser.log_probabilities(poses)
    for pose, found in zip(poses, together, strict=True):
        np.testing.assert_allclose(recogniser.log_probabilities([pose])[0], found, atol=1e-4)


def test_a_killed_training_ends_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CONFIG.model_copy(update={"epochs": 2.0})
    train, dev = glossed(24, 1), glossed(4, 2)
    train_recogniser(train, dev, config, tmp_path / "whole", 0, "cpu")
    import skeletor.learning.trainer as trainer
    import slt.recognise.train as module

    options = module.options(config, len(train))
    often = options.__class__(**{**options.__dict__, "checkpoint_every": 2})
    monkeypatch.setattr(module, "options", lambda *_: often)
    saves, save = [], trainer.save_checkpoint

    def killed(*values: object) -> None:
        save(*values)  # type: ignore[arg-type]
        saves.append(1)
        if len(saves) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "save_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        train_recogniser(train, dev, config, tmp_path / "killed", 0, "cpu")
    assert not (tmp_path / "killed" / WEIGHTS).exists()
    train_recogniser(train, dev, config, tmp_path / "killed", 0, "cpu")
    assert (tmp_path / "killed" / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()
    assert len(saves) > 1


def test_clips_without_glosses_and_no_clips_are_told(tmp_path: Path) -> None:
    bare = GlossClip("c7", glossed(1, 1)[0].pose, ())
    with pytest.raises(InputError, match="c7 has no glosses"):
        train_recogniser([*glossed(2, 1), bare], glossed(1, 2), CONFIG, tmp_path)
    with pytest.raises(InputError, match="no dev clips"):
        train_recogniser(glossed(2, 1), [], CONFIG, tmp_path)


def test_a_damaged_or_foreign_file_is_told_in_one_line(trained: tuple[Recogniser, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        Recogniser.load(tmp_path)
    whole = (trained[1] / WEIGHTS).read_bytes()
    for content in (whole[:-40], b"", whole.replace(b"slt-recogniser-1", b"slt-recogniser-9")):
        (tmp_path / WEIGHTS).write_bytes(content)
        with pytest.raises(InputError) as found:
            Recogniser.load(tmp_path, "cpu")
        assert "\n" not in str(found.value) and WEIGHTS in str(found.value)


def test_a_file_cannot_ask_for_any_frame_rate() -> None:
    with pytest.raises(ValueError, match="fps"):
        RecogniserConfig(fps=1e9)


def test_a_recogniser_reads_what_it_was_trained_on(trained: tuple[Recogniser, Path], tmp_path: Path) -> None:
    recogniser, _ = trained
    assert "hands" not in recogniser.config.model_dump(mode="json")  # as files say it that are older than the option
    bends = dataclasses.replace(recogniser, config=recogniser.config.model_copy(update={"hands": "bends"}))
    bends.save(tmp_path)
    again = Recogniser.load(tmp_path, "cpu")
    assert again.config.hands == "bends" and again.config == bends.config
    pose = glossed(1, 5)[0].pose
    read = [np.isnan(raw_features(pose, one.config)).mean() for one in (recogniser, again)]
    assert read[0] == 0 < read[1]


def test_hidden_must_be_a_multiple_of_the_heads() -> None:
    with pytest.raises(ValueError, match="not a multiple of heads"):
        RecogniserConfig(hidden=30, heads=4)


def test_padding_of_targets_and_augmentation_leave_the_loss_finite(trained: tuple[Recogniser, Path]) -> None:
    from slt.recognise.train import RecogniserTask, prepared

    config = CONFIG.model_copy(update={"stretch": 0.9, "lost_hands": 1.0, "noise": 0.5, "run_ons": 1.0, "bf16": True})
    some = glossed(16, 4)
    numbers = {gloss: k + 1 for k, gloss in enumerate(trained[0].glosses)}
    task = RecogniserTask(
        config, len(numbers), prepared(some, numbers, config), trained[0].stats, [], [], torch.device("cpu")
    )
    batch = task.draw(np.random.default_rng(0), 0)
    loss = task.loss(task.network, batch, 0)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in task.network.parameters())


def test_a_batch_for_a_gpu_lies_in_pinned_memory_and_is_the_same(
    trained: tuple[Recogniser, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from slt.recognise.train import RecogniserTask, prepared

    some = glossed(8, 4)
    numbers = {gloss: k + 1 for k, gloss in enumerate(trained[0].glosses)}
    task = RecogniserTask(
        CONFIG, len(numbers), prepared(some, numbers, CONFIG), trained[0].stats, [], [], torch.device("cpu")
    )
    pinned: list[int] = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: pinned.append(id(self)) or self.clone())
    here = task.draw(np.random.default_rng(0), 0)
    assert not pinned, "a CPU needs no copy"
    task.device = torch.device("cuda")
    there = task.draw(np.random.default_rng(0), 0)
    assert len(pinned) == 3, "frames, targets, labels; CTC asks for the lengths on the CPU"
    for name in ("frames", "targets", "lengths", "labels"):
        torch.testing.assert_close(getattr(there, name), getattr(here, name), rtol=0, atol=0)


def test_clips_too_short_for_their_glosses_are_told_and_refused_if_all_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("slt.recognise.train.train")  # what is told, is told before
    long = [clip for clip in glossed(12, 1) if len(clip.glosses) > 1]
    short = [dataclasses.replace(clip, pose=clip.pose.frames(0, 2), spans=()) for clip in long]
    with pytest.raises(InputError, match=rf"{len(short)} of {len(short)} clips .* 0 are left"):
        train_recogniser(short, long[:2], CONFIG, tmp_path, 3, "cpu")
    with caplog.at_level("WARNING", "skeletor"), pytest.raises(NameError):
        train_recogniser([*short[:2], *long], long[:2], CONFIG, tmp_path, 3, "cpu")
    assert f"2 of {len(long) + 2} clips have fewer than" in caplog.text
