"""An encoder pretrained on the toy language, and a recogniser that begins with it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from skeletor.support.errors import InputError
from slt.recognise.config import PRESETS
from slt.recognise.pretraining.clips import Held
from slt.recognise.pretraining.config import PretrainConfig
from slt.recognise.pretraining.encoder import WEIGHTS, PretrainedEncoder
from slt.recognise.pretraining.train import PretrainTask, pretrain
from slt.recognise.recogniser import Recogniser
from slt.recognise.train import Clips, RecogniserTask, train_recogniser
from slt.translate.features import WIDTH, fit_stats
from tests.slt.recognise.test_train import glossed
from tests.slt.toy import clips

TINY = PRESETS["tiny"]
CONFIG = PretrainConfig(recogniser=TINY, objectives=["masked", "contrastive", "order"], steps=60, batch=12, warmup=5)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[PretrainedEncoder, Path]:
    folder = tmp_path_factory.mktemp("encoder")
    return pretrain((e.pose for e in clips(40, 1)), CONFIG, folder, 2, "cpu"), folder


@pytest.mark.parametrize("objective", ["masked", "contrastive", "order"])
def test_every_objective_is_learned(objective: str, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"objectives": [objective], "steps": 120})
    rng = np.random.default_rng(1)  # clips in which time can be told: each feature rises or falls throughout
    slopes = rng.normal(size=WIDTH)
    raw = [np.linspace(-1, 1, 40)[:, None] * slopes + rng.normal(0, 0.1, (40, WIDTH)) for _ in range(20)]
    pretrain([clip.astype(np.float32) for clip in raw], config, tmp_path, 0, "cpu")
    losses = [json.loads(line)["loss"] for line in (tmp_path / "encoder.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.95 * losses[0]  # the means of the first hundred steps, and of the last twenty


@pytest.mark.parametrize(
    ("objectives", "clips_of", "read"),
    [(["masked"], 12, 12), (["contrastive"], 6, 12), (["masked", "contrastive", "order"], 4, 12), (["order"], 12, 12)],
)
def test_a_step_costs_the_same_whatever_the_objectives(objectives: list[str], clips_of: int, read: int) -> None:
    raw = list(np.random.default_rng(0).normal(size=(20, 40, WIDTH)).astype(np.float32))
    config = CONFIG.model_copy(update={"objectives": objectives})
    task = PretrainTask(config, Held(raw), fit_stats(raw), torch.device("cpu"))
    batch = task.draw(np.random.default_rng(0), 0)
    seen: list[int] = []
    handle = task.network.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    losses = [task.loss(task.network.eval(), batch, seed).item() for seed in (3, 3, 4)]
    handle.remove()
    assert len(batch.frames) == clips_of and seen == [read] * 3 and losses[0] == losses[1] != losses[2]


def test_a_saved_one_is_the_same(trained: tuple[PretrainedEncoder, Path]) -> None:
    encoder, folder = trained
    again = PretrainedEncoder.load(folder / WEIGHTS)
    assert again.config == TINY and again.digest() == encoder.digest()
    np.testing.assert_array_equal(again.stats.mean, encoder.stats.mean)


def test_a_recogniser_begins_with_it_and_stands_alone_afterwards(
    trained: tuple[PretrainedEncoder, Path], tmp_path: Path
) -> None:
    encoder, folder = trained
    config = TINY.model_copy(update={"epochs": 1.0, "pretrained": str(folder / WEIGHTS)})
    recogniser = train_recogniser(glossed(16, 1), glossed(4, 2), config, tmp_path, 0, "cpu")
    np.testing.assert_array_equal(recogniser.stats.mean, encoder.stats.mean)
    assert Recogniser.load(tmp_path, "cpu").config == TINY.model_copy(update={"epochs": 1.0})
    known = Clips([np.zeros((4, WIDTH), np.float32)], [(1,)], [np.zeros(4, np.int64)])
    task = RecogniserTask(config, 3, known, encoder.stats, [], [], torch.device("cpu"), encoder)
    begun = task.network.state_dict()
    assert all(torch.equal(begun[name], value) for name, value in encoder.weights.items())


def test_what_does_not_fit_is_told(trained: tuple[PretrainedEncoder, Path], tmp_path: Path) -> None:
    path = str(trained[1] / WEIGHTS)
    wide = TINY.model_copy(update={"width": 20, "pretrained": path})
    with pytest.raises(InputError, match="is of width 16, the recogniser of 20"):
        train_recogniser(glossed(4, 1), glossed(2, 2), wide, tmp_path, 0, "cpu")
    bends = TINY.model_copy(update={"hands": "bends", "pretrained": path})
    with pytest.raises(InputError, match="is of hands joints, the recogniser of bends"):
        train_recogniser(glossed(4, 1), glossed(2, 2), bends, tmp_path, 0, "cpu")
    with pytest.raises(InputError, match="no such file"):
        PretrainedEncoder.load(tmp_path / WEIGHTS)
    (tmp_path / WEIGHTS).write_bytes(b"\x08" + b"\x00" * 30)
    with pytest.raises(InputError):
        PretrainedEncoder.load(tmp_path / WEIGHTS)
    with pytest.raises(InputError, match="pretraining: no poses"):
        pretrain([], CONFIG, tmp_path, 0, "cpu")
    with pytest.raises(ValidationError, match="named twice"):
        PretrainConfig(objectives=["order", "order"])
