"""Frames decoded once: a memory-mapped uint8 file per clip at the network's input size, and their mean picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.lib import format as npy

from skeletor.files.atomic import atomic_path
from skeletor.files.outside import existing_file, reading
from skeletor.support.errors import InputError
from skeletor.support.progress import log, progress
from slt.video import DEFAULT_FPS, open_video


def read_frames(source: Path | str, height: int, width: int) -> np.ndarray:
    """(T, height, width, 3) uint8 RGB of all frames of a video or a folder of pictures, resized to that size.

    height, width: in pixels. Raises InputError if it cannot be read.
    """
    rate = DEFAULT_FPS if Path(source).is_dir() else None  # of no matter here
    with open_video(source, rate) as video:
        frames = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in video]
    if not frames:
        raise InputError(f"{source}: has no frames")
    return np.stack(frames)


def decode_frames(sources: Mapping[str, Path], folder: Path, height: int, width: int, workers: int = 2) -> list[str]:
    """Write `folder/<name>.npy`, (T, height, width, 3) uint8, for each clip (name -> video or folder of pictures).

    Gives the names that are there. Files that are there already are kept, so a killed run goes on; the folder has to be
    for this size and these clips alone. A clip that cannot be read is logged and left out. workers: threads, since
    decoding and resizing let go of Python's lock.
    """

    def work(name: str) -> str | None:
        """Decode one clip's frames unless they are there; its name, or None if it cannot be read."""
        path = frame_file(folder, name)
        if path.exists():
            return name
        try:
            frames = read_frames(sources[name], height, width)
        except InputError as error:
            log.warning("frames: %s left out: %s", name, error)
            return None
        with atomic_path(path) as temporary:
            np.save(temporary, frames)
        return name

    pool = ThreadPoolExecutor(workers)
    try:
        done = list(progress(pool.map(work, sources), "frames", len(sources), "clip", log_every=60))
    finally:
        pool.shutdown(cancel_futures=True)
    return [name for name in done if name is not None]


def frame_file(folder: Path, name: str) -> Path:
    """The file of a clip's decoded frames."""
    return folder / f"{name}.npy"


class FrameStore(Sequence[np.ndarray]):
    """Clips of frames on disk: item k is a memory map (T, H, W, 3) uint8; nothing is read before it is used."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.lengths = [len(self._open(path)) for path in self.paths]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:  # type: ignore[override]
        return self._open(self.paths[index])

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self._open(path) for path in self.paths)

    @staticmethod
    def _open(path: Path) -> np.ndarray:
        what = "file of decoded frames, made by this program; delete it and run again"
        with reading(existing_file(path, what), what):
            frames = npy.open_memmap(path, mode="r")
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or len(frames) == 0:
            raise InputError(f"{path}: {frames.dtype} {frames.shape} are not frames; delete it and run again")
        return frames


def mean_picture(clips: Sequence[np.ndarray], lengths: Sequence[int], most: int = 20_000) -> np.ndarray:
    """(H, W, 3) float32 mean of the frames of all clips, or of at most `most` of them, evenly drawn."""
    step = -(-sum(lengths) // most)
    total, count, offset = np.zeros(clips[0].shape[1:], np.float64), 0, 0
    for frames, length in zip(progress(clips, "mean picture", len(clips), "clip"), lengths, strict=True):
        drawn = frames[offset::step]
        total += drawn.sum(0, dtype=np.float64)
        count += len(drawn)
        offset = (offset - length) % step  # the same step over the border between two clips
    return (total / count).astype(np.float32)
