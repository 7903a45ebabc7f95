"""The trainer with a toy: it learns a sum from noisy numbers."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Generator, Tensor, nn

from skeletor.learning.checkpoint import checkpoint_path, log_path, snapshot_path
from skeletor.learning.schedule import Budget, Schedule
from skeletor.learning.task import Options
from skeletor.learning.trainer import Trainer, TrainingDiverged, train
from skeletor.support.errors import InputError

Weights = dict[str, Tensor]


class Killed(BaseException):
    """Ends a training in its middle."""


@dataclass
class Toy:
    """`alive`: batches until it is killed; `worth`: what the loss is multiplied with, by number of the batch."""

    network: nn.Module
    alive: float = math.inf
    worth: Callable[[int], float] = lambda number: 1.0
    losses: int = 0
    seen: list[Weights] = field(default_factory=list)

    def draw(self, rng: np.random.Generator, number: int) -> Tensor:
        return torch.from_numpy(rng.normal(size=(4, 3)).astype(np.float32))

    def loss(self, runner: nn.Module, batch: Tensor, seed: int) -> Tensor:
        assert self.network.training
        if self.losses >= self.alive:
            raise Killed
        self.losses += 1
        noisy = batch + 0.1 * torch.randn(batch.shape, generator=Generator().manual_seed(seed))
        off: Tensor = runner(noisy)[:, 0] - batch.sum(1)
        return off.square().mean() * self.worth(self.losses - 1)

    def validate(self) -> dict[str, float]:
        assert not self.network.training and not torch.is_grad_enabled()
        self.seen.append({name: value.clone() for name, value in self.network.state_dict().items()})
        return {"error": float((self.network(torch.ones(1, 3)) - 3).abs())}


def make(**values: Any) -> Callable[[torch.device], Toy]:
    return lambda device: Toy(nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.3), nn.Linear(4, 1)).to(device), **values)


def options(**values: Any) -> Options:
    given: dict[str, Any] = {
        "name": "toy", "schedule": Schedule("cosine", 0.05, 3), "budget": Budget(12), "batch_size": 4,
        "weight_decay": 0.01, "gradient_clip": 1.0, "log_every": 4, "validate_every": 6, "checkpoint_every": 5,
    }  # fmt: skip
    return Options(**{**given, **values})


def lines(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in log_path(out, "toy").read_text().splitlines()]


def losses(out: Path) -> list[tuple[float, float]]:
    return [(line["step"], line.get("loss", line.get("error", 0.0))) for line in lines(out)]


def assert_same(a: Trainer[Toy], b: Trainer[Toy]) -> None:
    one, other = a.task.network.state_dict(), b.task.network.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_it_learns_and_the_log_says_so(tmp_path: Path) -> None:
    toy = train(make(), options(budget=Budget(150), log_every=25, validate_every=50), 1, out=tmp_path)
    learned = [line for line in lines(tmp_path) if "loss" in line]
    assert [line["step"] for line in learned] == [25, 50, 75, 100, 125, 150]
    assert learned[-1]["loss"] < 0.5 * learned[0]["loss"]
    assert {"lr", "windows_per_second", "data_wait_share", "seconds"} <= set(learned[0])
    assert toy.state.progress.validation == {"error": lines(tmp_path)[-1]["error"]}
    assert not toy.task.network.training


@pytest.mark.parametrize("kind", ["constant", "cosine", "exponential"])
def test_every_step_has_the_rate_of_its_schedule(tmp_path: Path, kind: Any) -> None:
    train(make(), options(schedule=Schedule(kind, 0.05, 3, decay=0.8, decay_every=2), log_every=1), 1, out=tmp_path)
    share = {
        "constant": lambda k: 1,
        "cosine": lambda k: (1 + math.cos(math.pi * k / 12)) / 2,
        "exponential": lambda k: 0.8 ** (k // 2),
    }[kind]
    expected = [0.05 * min(1, (k + 1) / 3) * share(k) for k in range(12)]
    assert [line["lr"] for line in lines(tmp_path) if "lr" in line] == pytest.approx(expected)


@pytest.mark.parametrize("changes", [
    {}, {"ema": 0.9, "amsgrad": True, "sum_in": torch.float64}, {"accumulate": 2, "prefetch": 3}, {"log_every": 3},
], ids=["plain", "average", "accumulated", "logged"])  # fmt: skip
def test_a_killed_training_ends_with_the_same_bytes(tmp_path: Path, changes: dict[str, Any]) -> None:
    o, before = options(**changes), torch.get_rng_state()
    whole = train(make(), o, 3, out=tmp_path / "whole", identity="x")
    for alive in (2, 8, 4):  # before the first checkpoint, after it, and again
        with pytest.raises(Killed):
            train(make(alive=alive * o.accumulate), o, 3, out=tmp_path / "killed", identity="x")
    killed = train(make(), o, 3, out=tmp_path / "killed", identity="x")
    assert killed.task.losses < 12 * o.accumulate, "it went on"
    assert_same(killed, whole)
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    again = train(make(), o, 3, out=tmp_path / "killed", identity="x")
    assert again.task.losses == 0 and again.state.progress.validation == whole.state.progress.validation
    assert_same(again, whole)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_seed_is_a_training_of_its_own() -> None:
    one, same, other = (train(make(), options(), seed) for seed in (1, 1, 2))
    assert_same(one, same)
    with pytest.raises(AssertionError):
        assert_same(one, other)


def spoil(saved: dict[str, Any], how: str) -> None:
    if how == "identity":
        saved["identity"] = "another"
    elif how == "average":
        saved["average"] = {name: value[..., :1] for name, value in saved["average"].items()}
    elif how == "nan in the average":
        saved["average"]["0.bias"][0] = math.nan
    elif how == "no average":
        del saved["average"]
    elif how == "step":
        saved["progress"]["step"] = -1
    elif how == "logged":
        saved["progress"]["logged"] = (11, 0.0, 0.0)
    elif how == "validation":
        saved["progress"]["validation"] = (0.0, 1.0)
    elif how == "progress":
        saved["progress"]["more"] = 1
    else:
        saved["model"]["0.weight"] = saved["model"]["0.weight"].T


@pytest.mark.parametrize(
    "how",
    ["identity", "average", "nan in the average", "no average", "step", "logged", "validation", "progress", "model"],
)
def test_a_checkpoint_that_does_not_fit_is_as_none(tmp_path: Path, how: str) -> None:
    o = options(ema=0.9)
    whole = train(make(), o, 3, out=tmp_path / "whole")
    with pytest.raises(Killed):
        train(make(alive=8), o, 3, out=tmp_path / "killed")
    path = checkpoint_path(tmp_path / "killed", "toy")
    saved = torch.load(path, weights_only=True)
    spoil(saved, how)
    torch.save(saved, path)
    log_path(tmp_path / "killed", "toy").open("ab").write(b'{"step": 3, "lo\xff')
    again = train(make(), o, 3, out=tmp_path / "killed")
    assert again.task.losses == 12
    assert_same(again, whole)
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_divergence_is_one_error(tmp_path: Path, value: float) -> None:
    wild = make(worth=lambda number: value if number == 5 else 1.0)
    with pytest.raises(TrainingDiverged, match="the toy's loss became nan between steps 4 and 8") as caught:
        train(wild, options(), 1, out=tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value) and caught.value.exit_code == 1
    assert [line["step"] for line in lines(tmp_path)] == [4, 6], "a loss and a validation"
    assert torch.load(checkpoint_path(tmp_path, "toy"), weights_only=True)["progress"]["step"] == 5
    with pytest.raises(TrainingDiverged, match=r"^the toy's loss"):
        train(wild, options(), 1)


def test_the_moving_average_is_that_of_the_formula(tmp_path: Path) -> None:
    o = options(ema=0.6, snapshots=frozenset(range(1, 13)), validate_every=None)
    trainer = train(make(), o, 1, out=tmp_path)
    train(make(), replace(o, ema=0.0), 1, out=tmp_path / "without")  # whose weights are those that are averaged
    plain = train(make(), options(budget=Budget(1), schedule=Schedule("constant", 1e-30), weight_decay=0.0), 1)
    average = {name: value.double() for name, value in plain.task.network.state_dict().items()}  # as it began
    for t in range(1, 13):
        now = load_file(snapshot_path(tmp_path / "without", "toy", t))
        keep = min(0.6, (1 + t) / (10 + t))
        average = {name: keep * average[name] + (1 - keep) * now[name].double() for name in average}
        kept = load_file(snapshot_path(tmp_path, "toy", t))
        for name, value in kept.items():
            torch.testing.assert_close(value.double(), average[name], atol=1e-6, rtol=1e-5)
    for name, value in trainer.task.network.state_dict().items():
        torch.testing.assert_close(value.double(), average[name], atol=1e-6, rtol=1e-5)
        assert not torch.equal(value, now[name])
    assert len(trainer.task.seen) == 1, "only what it ends with is validated"
    assert all(torch.equal(trainer.task.seen[0][name], v) for name, v in trainer.task.network.state_dict().items())
    assert "error" in trainer.state.progress.validation and not any("error" in line for line in lines(tmp_path))


def test_a_budget_of_minutes_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that goes on by a second whenever it is looked at."""
    seconds = iter(range(10**6))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(seconds)))
    trainer = train(make(), options(budget=Budget(10**6, minutes=0.1), log_every=1), 1, out=tmp_path)
    assert trainer.state.progress.step == 6 and trainer.state.progress.seconds == 6
    rates = [line["lr"] for line in lines(tmp_path) if "lr" in line]
    cosine = [(1 + math.cos(math.pi * k / 6)) / 2 for k in range(6)]
    assert rates == pytest.approx([0.05 * min(1, (k + 1) / 3) * cosine[k] for k in range(6)])
    assert "error" in lines(tmp_path)[-1] and checkpoint_path(tmp_path, "toy").is_file(), "the end is kept"


def test_gradients_are_clipped_and_accumulated() -> None:
    wild = make(worth=lambda number: 1e4)
    for clip in (0.5, 2.0):
        network = train(wild, options(gradient_clip=clip), 1).task.network
        norm = math.sqrt(sum(float(p.grad.square().sum()) for p in network.parameters() if p.grad is not None))
        assert norm == pytest.approx(clip, rel=1e-3)
    trainer = train(make(), options(accumulate=3, budget=Budget(2)), 1)
    assert trainer.task.losses == 6 and trainer.samples_per_step == 12


def test_generators_of_the_whole_training_go_on_and_allow_no_resuming(tmp_path: Path) -> None:
    drawn: list[Tensor] = []

    @dataclass
    class Noting(Toy):
        def draw(self, rng: np.random.Generator, number: int) -> Tensor:
            drawn.append(super().draw(rng, number))
            return drawn[-1]

    train(lambda device: Noting(nn.Linear(3, 1)), options(own_generators=False, budget=Budget(3)), 7)
    rng = np.random.default_rng(7)
    for batch in drawn:
        np.testing.assert_array_equal(batch, rng.normal(size=(4, 3)).astype(np.float32))
    with pytest.raises(ValueError, match="cannot be resumed"):
        train(make(), options(own_generators=False), 7, out=tmp_path)


def test_a_device_that_is_not_there_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="device"):
        train(make(), options(), 1, "cuda", tmp_path / "out")
    assert not (tmp_path / "out").exists()
