"""Clips that are too long to be one sentence are named before the training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from slt.data.layout import Corpus
from slt.pipeline.work.readers import train_translator
from slt.pipeline.work.readers.lengths import tell_long
from slt.translate.config import TranslateConfig


def still(seconds: float, fps: float) -> PoseSequence:
    frames = round(seconds * fps)
    return PoseSequence(np.zeros((frames, 50, 3), np.float32), np.ones((frames, 50), np.float32), fps, SIGNING_50)


def test_the_longest_are_named_first_whatever_their_rate(caplog: pytest.LogCaptureFixture) -> None:
    clips = {
        "talk": still(90, 25),
        "slow": still(70, 10),
        "fast": still(20, 100),
        "five": still(300, 5),
        "b": still(61, 25),
    }
    dev = {name: clips.pop(name) for name in ("five", "b")}
    tell_long(clips.items(), dev.items())
    told = "train and dev hold clips of 60 s or longer: five (300 s), talk (90 s), slow (70 s) and 1 more;"
    assert told in caplog.text


def test_sentences_are_not_told(caplog: pytest.LogCaptureFixture) -> None:
    tell_long([("a", still(59, 25))], [("b", still(3, 50))])
    assert not caplog.text


@pytest.mark.parametrize("most, told", [(400, ["dev"]), (2000, ["train", "dev"]), (None, ["longer", "train", "dev"])])
def test_a_translator_tells_those_that_it_learns_from_or_reads(
    most: int | None, told: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`max_frames` leaves longer training clips out, and no clips of dev."""
    poses = {"train": {"train": still(80, 50), "longer": still(200, 10)}, "dev": {"dev": still(70, 25)}, "test": {}}
    clips = {split: [SimpleNamespace(name=n, text="a", glosses=()) for n in some] for split, some in poses.items()}
    monkeypatch.setattr(train_translator, "open_store", lambda folder: poses[folder.name])
    begun: list[object] = []
    monkeypatch.setattr("slt.translate.train.train_translator", lambda *what: begun.append(what))
    monkeypatch.setattr("skeletor.support.devices.process_rank", lambda: 1)
    config = TranslateConfig.model_validate({"preset": "paper", "max_frames": most, "fps": 25})
    corpus = cast(Corpus, SimpleNamespace(split=clips.__getitem__))
    train_translator.train_on_poses(Path("store"), corpus, config, 0, "row", Path("out"))
    found = caplog.text.partition("longer: ")[2]
    assert len(begun) == 1 and [name for name in ("longer", "train", "dev") if f"{name} (" in found] == told
