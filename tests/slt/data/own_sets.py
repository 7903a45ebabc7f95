"""Small data sets of one's own: a table of clips beside files of poses, which are quick to write and to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from skeletor.io.formats import write_pose
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.data.own import TABLE

HEAD = ("name", "split", "signer", "glosses", "text")


def write_poses(file: Path, frames: int = 6, fps: float = 25.0, seed: int = 0) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    points = np.random.default_rng(seed).uniform(1, 99, (frames, 50, 2)).astype(np.float32)
    pose = PoseSequence(points, np.ones((frames, 50), np.float32), fps, SIGNING_50, Provenance("x", units="pixel"))
    write_pose(pose, file)
    return file


def write_lines(root: Path, *lines: Iterable[str], head: Iterable[str] = HEAD) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    path = root / TABLE
    path.write_text("".join("\t".join(line) + "\n" for line in (head, *lines)), encoding="utf-8")
    return path


def sound_set(root: Path, counts: Mapping[str, int] | None = None) -> Path:
    """A data set without a fault, clips `train-0`, `train-1`, `dev-0`, `test-0` in `videos/`."""
    lines = []
    for split, count in (counts or {"train": 2, "dev": 1, "test": 1}).items():
        for k in range(count):
            name = f"{split}-{k}"
            write_poses(root / "videos" / f"{name}.safetensors", seed=k)
            lines.append((name, split, f"{split}-signer", "HELLO WORLD", f"Hello, {name}!"))
    write_lines(root, *lines)
    return root
