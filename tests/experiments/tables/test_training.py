"""Which trainings of a table are done: no network is trained."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path

import pytest

from experiments.tables import training
from experiments.tables.config import ModelSpec
from experiments.tables.training import WEIGHTS, Clips, Job, train_all
from slt.pipeline.context import Here


def test_one_whose_weights_were_damaged_is_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[int] = []

    def train_refiner(clips: object, config: object, out: Path, seed: int, *rest: object, **more: object) -> None:
        trained.append(seed)
        (out / WEIGHTS).write_bytes(b"weights")

    @contextmanager
    def here(workers: int) -> Iterator[Executor]:
        yield Here()

    monkeypatch.setattr("skeletor.refiners.training.train.train_refiner", train_refiner)
    monkeypatch.setattr(training, "read_clips", lambda sources: ([], None))
    monkeypatch.setattr(training, "log_to", lambda path: None)
    monkeypatch.setattr(training, "worker_pool", here)
    monkeypatch.setattr("torch.set_num_threads", lambda count: None)
    jobs = [Job(ModelSpec(label="a"), (Clips(tmp_path, "key"),), seed) for seed in (1, 2)]
    done = train_all(jobs, tmp_path, 1)
    assert trained == [1, 2] and train_all(jobs, tmp_path, 1) == done and trained == [1, 2]
    (done[1].folder / WEIGHTS).write_bytes(b"weight")
    assert [one.key for one in train_all(jobs, tmp_path, 1)] == [one.key for one in done]
    assert trained == [1, 2, 2] and (done[1].folder / WEIGHTS).read_bytes() == b"weights"
