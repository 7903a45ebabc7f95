"""Readers trained in two processes: they learn what one process does, and one of them writes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from slt.recognise.config import PRESETS
from slt.recognise.isolated import SIGNS, train_signs
from slt.recognise.pretraining.config import PretrainConfig
from slt.recognise.pretraining.encoder import WEIGHTS as ENCODER
from slt.recognise.pretraining.train import pretrain
from slt.recognise.recogniser import WEIGHTS
from slt.recognise.train import GlossClip, train_recogniser
from slt.translate import config as translate
from slt.translate.train import train_translator
from tests.slt.recognise.test_train import glossed
from tests.slt.toy import clips
from tests.torchrun import together

JOB = """
import sys
from pathlib import Path
import torch
from skeletor.support.devices import process_rank
from tests.slt import test_together as these
torch.set_num_threads(1)
folder = Path(sys.argv[1])
scores = these.train_all(folder / "together", 2)
(folder / f"scores{process_rank()}").write_text(repr(scores))
"""
SIGN = "signs"


def signs(clips: list[GlossClip]) -> list[GlossClip]:
    return [GlossClip(clip.name, clip.pose, clip.glosses[:1]) for clip in clips]


def train_all(folder: Path, accumulate: int) -> object:
    """Every kind of reader, a few steps each; gives what a translator's training says of it."""
    tiny = PRESETS["tiny"].model_copy(update={"epochs": 4.0, "dropout": 0.1, "accumulate": accumulate})
    train_recogniser(glossed(24, 1), glossed(4, 2), tiny, folder, 0, "cpu")
    (folder / SIGN).mkdir(exist_ok=True)
    train_signs(signs(glossed(24, 1)), signs(glossed(4, 2)), tiny, folder / SIGN, 0, "cpu")
    everything = ["masked", "contrastive", "order"]
    encoder = PretrainConfig(recogniser=tiny, objectives=everything, steps=3, batch=12, warmup=2, accumulate=accumulate)
    pretrain((e.pose for e in clips(20, 1)), encoder, folder, 2, "cpu")
    config = translate.PRESETS["tiny"].model_copy(
        update={"gloss_weight": 1.0, "r_drop": 1.0, "dropout": 0.0, "batch": 6, "max_updates": 8, "validate_every": 4,
                "warmup": 4, "beams": [1], "alphas": [0.0]}
    )  # fmt: skip
    # 25 sentences: the last batch of an epoch has one, so one of two processes has nothing of it
    result = train_translator(clips(25, 1), clips(4, 2), config, folder / "translator", 0, "cpu")
    return result.dev, result.updates, result.decoding


# No loss depends on a bias that normalisation takes out again, or on one of attention's keys: Adam makes whole steps of
# the noise of sums there. The moving mean follows its bias.
NOISE, FOLLOWS = (".project.bias", ".k_layer.bias"), ".norm.mean"


@pytest.fixture(name="trained", scope="module")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`alone` by one process, `together` by two."""
    folder = tmp_path_factory.mktemp("readers")
    (folder / "job.py").write_text(JOB)
    together(folder, ["lightning_fabric", "tests.slt.test_together"])
    torch.set_num_threads(1)
    (folder / "scores").write_text(repr(train_all(folder / "alone", 4)))
    return folder


@pytest.mark.parametrize("file", [WEIGHTS, f"{SIGN}/{SIGNS}", ENCODER, "translator/translator.safetensors"])
def test_two_processes_learn_what_one_does(trained: Path, file: str) -> None:
    """2 x 2 batches a step and 1 x 4; the translator: every batch shared out. But for the order of sums."""
    ours, alone = (load_file(trained / who / file) for who in ("together", "alone"))
    assert set(ours) == set(alone)
    for name in (name for name in ours if not name.endswith(NOISE)):
        atol = 1e-3 if name.endswith(FOLLOWS) else 1e-4
        torch.testing.assert_close(
            ours[name], alone[name], atol=atol, rtol=1e-3, msg=lambda text, n=name: f"{n}: {text}"
        )


@pytest.mark.parametrize("name", ["recogniser", f"{SIGN}/recogniser", "encoder"])
def test_the_losses_are_the_same(trained: Path, name: str) -> None:
    both = []
    for who in ("together", "alone"):
        lines = (trained / who / f"{name}.jsonl").read_text().splitlines()
        both.append([json.loads(line)["loss"] for line in lines])
    assert both[0]
    np.testing.assert_allclose(*both, rtol=1e-5)


def test_all_processes_know_how_the_translator_did(trained: Path) -> None:
    first, second, alone = ((trained / name).read_text() for name in ("scores0", "scores1", "scores"))
    assert first == second == alone


def test_an_epoch_costs_as_many_clips_whatever_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    from slt.recognise.train import options

    config = PRESETS["tiny"].model_copy(update={"epochs": 10.0, "batch": 8})
    assert options(config, 240).budget.steps == 300
    assert options(config.model_copy(update={"accumulate": 3}), 240).budget.steps == 100
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert options(config, 240).budget.steps == 75


def test_a_training_that_does_not_accumulate_is_the_one_that_it_was() -> None:
    """Checkpoints, stages and headers go by these texts."""
    once = PRESETS["tiny"]
    assert "accumulate" not in once.model_dump_json() and "accumulate" not in once.model_dump()
    twice = once.model_copy(update={"accumulate": 2})
    assert type(once).model_validate_json(twice.model_dump_json()) == twice
    assert PretrainConfig(recogniser=twice).model_dump()["recogniser"]["accumulate"] == 2
