"""Windows from shards: each once an epoch, those of the clips, the same for any number of processes, resumed or not."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from skeletor.cli import main
from skeletor.learning.data.shards import open_shards
from skeletor.learning.data.window_stream import ShardWindows
from skeletor.learning.data.windows import Drawn, clip_store
from skeletor.learning.feed import Feed
from skeletor.learning.trainer import Trainer
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.training.train import load_refiner, train_refiner
from tests.skeletor.learning.data.store import in_memory, poses, write_shards
from tests.skeletor.refiners.tiny import config

CPU = torch.device("cpu")
STEP, LENGTH = 7, 12
NO = np.random.default_rng(0)  # the order needs no chance


def stream(folder: Path, buffer: int = 8, seed: int = 3) -> ShardWindows:
    return ShardWindows(open_shards([str(folder)], buffer=buffer), STEP, seed)


def of(windows: ShardWindows, number: int, size: int) -> list[bytes]:
    """The windows of a batch, each as its values, first and last frame."""
    drawn = windows.batch(number, size, LENGTH, 0.5, NO).on(CPU)
    return [
        b"".join(x[k].numpy().tobytes() for x in (drawn.target, drawn.target_confidence, drawn.first, drawn.last))
        for k in range(size)
    ]


def every_window(made: list[PoseSequence]) -> Counter[bytes]:
    """The window around every frame of every clip."""
    found: Counter[bytes] = Counter()
    for pose in made:
        clips = np.zeros(len(pose), np.int64)
        drawn = clip_store([pose]).at(clips, np.arange(len(pose)), LENGTH).on(CPU)
        for k in range(len(pose)):
            values = (drawn.target, drawn.target_confidence, drawn.first, drawn.last)
            found[b"".join(x[k].numpy().tobytes() for x in values)] += 1
    return found


@pytest.mark.parametrize("buffer", [1, 8, 512])
def test_as_many_epochs_as_the_step_have_the_window_around_each_frame_once(tmp_path: Path, buffer: int) -> None:
    made = poses(30)
    windows = stream(write_shards(tmp_path, made, 9), buffer)
    frames = sum(map(len, made))
    assert windows.frames == frames
    seen: Counter[bytes] = Counter()
    for number in range(frames):
        seen.update(of(windows, number, 1))
    assert seen == every_window(made)
    first = [window for number in range(frames // STEP // 5) for window in of(windows, number, 5)]
    assert len(set(first)) == len(first), "an epoch has none twice"


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_an_epoch_is_the_same_for_any_number_of_workers(tmp_path: Path, workers: int) -> None:
    folder = write_shards(tmp_path, poses(30), 9)
    whole = stream(folder)
    alone = {number: of(whole, number, 4) for number in range(24)}
    shared = {}
    for rank in range(workers):
        windows = stream(folder)
        with Feed(lambda number, w=windows: of(w, number, 4), rank, 2, workers) as feed:
            for number in range(rank, 24, workers):
                shared[number] = feed.next()
    assert shared == alone
    assert [of(stream(folder), number, 4) for number in (17, 18)] == [alone[17], alone[18]], "resumed anywhere"


def test_of_any_number_of_clips_two_blocks_are_in_memory(tmp_path: Path) -> None:
    made = poses(60)
    windows = stream(write_shards(tmp_path, made, 10), 6)
    longest = 0
    for number in range(30):
        of(windows, number, 8)
        held = [future.result().store for future in windows._blocks._held.values()]
        longest = max(longest, sum(len(store.index.starts) for store in held))
        assert len(held) <= 2
    assert 6 < longest <= 12


def test_statistics_are_those_of_the_clips(tmp_path: Path) -> None:
    made = poses(20)
    windows, memory = stream(write_shards(tmp_path, made, 9), 512), clip_store(made)
    torch.testing.assert_close(windows.typical_pose(), memory.typical_pose(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(windows.spread(lambda x: x), memory.spread(lambda x: x), atol=1e-5, rtol=1e-4)
    drawn = windows.draw(5, LENGTH, 0.5, np.random.default_rng(1))
    assert isinstance(drawn, Drawn) and drawn.target[0].shape == (5, LENGTH, 50, 3) and not windows.has_degraded
    assert windows.digest() == stream(tmp_path, 512).digest() != stream(tmp_path, 511).digest()


class Killed(BaseException):
    """Ends a training in its middle."""


def test_a_training_that_was_killed_within_an_epoch_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    shards = open_shards([str(write_shards(tmp_path / "poses", poses(40), 9))], buffer=8)
    c = config(max_steps=11, checkpoint_every=3, validation_share=0.2)
    train_refiner(shards, c, tmp_path / "whole")
    step = Trainer.step

    def killing(trainer: Trainer, feed: Feed) -> None:
        if trainer.state.progress.step == 7:
            raise Killed
        step(trainer, feed)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Trainer, "step", killing)
        train_refiner(shards, c, tmp_path / "killed")
    seen: list[int] = []

    def noted(trainer: Trainer, feed: Feed) -> None:
        seen.append(trainer.state.progress.step)
        step(trainer, feed)

    monkeypatch.setattr(Trainer, "step", noted)
    result = train_refiner(shards, c, tmp_path / "killed")
    assert seen == [6, 7, 8, 9, 10], "it went on, and did not begin anew"
    assert result.steps == 11 and 0 < result.validation_error < 10
    ours, theirs = (tmp_path / name / "refiner.safetensors" for name in ("killed", "whole"))
    assert ours.read_bytes() == theirs.read_bytes()
    losses = [[json.loads(line)["loss"] for line in (tmp_path / name / "refiner.jsonl").read_text().splitlines()
               if "lr" in line] for name in ("killed", "whole")]  # fmt: skip
    assert losses[0] == losses[1]


def test_the_command_trains_on_what_lies_in_fsspecs_memory(tmp_path: Path) -> None:
    with in_memory(write_shards(tmp_path / "poses", poses(12), 5)) as url:
        values = {"data": [url], "out": str(tmp_path / "out"), "device": "cpu", "buffer": 5}
        values["train"] = config(max_steps=3).model_dump(mode="json")
        (tmp_path / "job.yaml").write_text(yaml.safe_dump(values))
        assert main(["train", str(tmp_path / "job.yaml")]) == 0
    assert f"{url}: 12 clips" in load_refiner(tmp_path / "out" / "refiner.safetensors").info.data
