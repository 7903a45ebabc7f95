"""Windows drawn from shards of poses: a second of CPU beside the packed store in mapped memory, and memory by clips.

Shards are links to one file: what is kept of a clip does not depend on what is in it. Every memory figure is of a
process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from experiments.benchmarks.refine import motion, now, peak
from experiments.benchmarks.table import MEGABYTES, Row, cpu_seconds, rate
from skeletor.io.native import write_shard
from skeletor.learning.data.frame_store import open_frames
from skeletor.learning.data.pack import pack
from skeletor.learning.data.places import BUFFER
from skeletor.learning.data.shards import open_shards
from skeletor.learning.data.window_stream import ShardWindows
from slt.pipeline.mapping import worker_pool

EACH, FRAMES = 64, 100  # clips of a shard, frames of a clip
SIZE, WINDOW, LENGTH = 16, 64, 80  # of the preset `small`: windows of a batch, frames of one without and with margins
LOCAL, MEMORY = "a folder", "fsspec's memory"


def rows(folder: Path, clips: Sequence[int], draws: int) -> Iterator[Row]:
    """Draws of so many batches, and memory and time of the headers for these numbers of clips."""
    poses = make_shards(folder / "drawn", 8 * EACH)
    store = folder / "packed"
    pack([poses / "shards" / "0000"], store)
    mapped, rng = open_frames(store), np.random.default_rng(0)

    def drawing() -> None:
        for _ in range(draws):
            mapped.draw(SIZE, LENGTH, 0.0, rng).on(torch.device("cpu"))

    drawing()
    theirs = rate(drawing, draws * SIZE, 3)
    for where, url in ((LOCAL, str(poses)), (MEMORY, _in_fsspec(poses))):
        yield Row(f"stream windows, {where}", "windows/s", streaming(url, draws), "packed, mapped", theirs)
    few, *more = (measured_alone(folder, count) for count in clips)
    for count, found in zip(clips[1:], more, strict=True):
        yield Row(f"stream {clips[0]:,} clips, memory", MEGABYTES, few[0], f"{count:,} clips", found[0])
        yield Row(f"stream {clips[0]:,} clips, headers", "clips/s", few[1], f"{count:,} clips", found[1])


def streaming(url: str, draws: int) -> float:
    """Windows a CPU second, those of the reading thread counted, over whole blocks."""
    windows, number = ShardWindows(open_shards([url]), WINDOW, 0), iter(range(10**9))

    def drawing() -> None:
        for _ in range(draws):
            windows.batch(next(number), SIZE, LENGTH, 0.0, np.random.default_rng(0)).on(torch.device("cpu"))

    drawing()
    return rate(drawing, draws * SIZE)


def make_shards(folder: Path, clips: int) -> Path:
    """A folder of shards as `slt shards` makes it, each the same file under another name."""
    first = folder / "one.data"
    if not first.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_shard({f"clip{k}": motion(FRAMES, k) for k in range(EACH)}, first)
    for number in range(-(-clips // EACH)):
        path = folder / "shards" / f"{number // 1000:04d}" / f"{number:07d}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.symlink_to(first.resolve())
    return folder


def measured_alone(folder: Path, clips: int) -> tuple[float, float]:
    """Megabytes that a training's data take, and headers that are read a CPU second, in clips."""
    poses = make_shards(folder / f"clips{clips}", clips)
    with worker_pool(1) as pool:
        return pool.submit(measure, str(poses), clips).result()


def measure(poses: str, clips: int) -> tuple[float, float]:
    """In a process of its own, see `measured_alone`: three buffers of windows are drawn."""
    torch.set_num_threads(1)
    torch.zeros(1) + 1  # libraries are loaded
    before = now()
    seconds = cpu_seconds(lambda: open_shards([poses]))
    windows = ShardWindows(open_shards([poses]), WINDOW, 0)
    windows.typical_pose()
    for number in range(3 * min(BUFFER, clips) * FRAMES // WINDOW // SIZE):
        windows.batch(number, SIZE, LENGTH, 0.0, np.random.default_rng(0))
    return max(0, peak() - before) / 1e6, clips / seconds


def _in_fsspec(poses: Path) -> str:
    """The files in the memory of this process, by their URL."""
    import fsspec

    store = fsspec.filesystem("memory")
    for path in poses.rglob("*.safetensors"):
        store.pipe_file(f"/bench/{path.relative_to(poses).as_posix()}", path.read_bytes())
    return "memory://bench"
