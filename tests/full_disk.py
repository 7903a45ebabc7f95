"""A program for `test_full_disk.py`: writes everything that the house writes, on a disk that takes 20 bytes a file
(trainings: 20 and 3000, which is room for their logs, not for their checkpoints).

Prints a line of JSON for each write: its name, what came of it (an exit code, or the type and text of an exception),
and which files lie there afterwards. In one process, since the imports take longer than all the rest.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from skeletor import cli
from skeletor.files.atomic import append_line, atomic_path, write_text
from skeletor.files.tensors import save_tensors
from skeletor.io import native, openpose_json
from skeletor.io.formats import write_pose
from skeletor.learning.data.pack import pack
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.cli import main as slt_main
from slt.inference.view import make_still, make_view
from slt.sign2text.decoded import decode_frames
from slt.translate.joey.text import fit_text
from slt.video import write_video


@contextlib.contextmanager
def full_disk(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def pose(dims: int, units: str) -> PoseSequence:
    time = np.arange(40)[:, None, None] / 5
    points = np.random.default_rng(0).uniform(10, 50, (1, 50, dims)) + 3 * np.sin(time + np.arange(50)[None, :, None])
    about = Provenance("x.mp4", image_size=(64, 64), units=units)
    return PoseSequence(points, np.ones((40, 50), np.float32), 25.0, SIGNING_50, about)


def slt(*arguments: str) -> int:
    try:
        slt_main(list(arguments))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def sites(place: Path) -> dict[str, Callable[[Path], Any]]:
    """Name -> what writes into a folder. What they need lies in `place`."""
    flat, solid = pose(2, "pixel"), pose(3, "shoulder")
    frames = [np.full((64, 64, 3), 40 + k, np.uint8) for k in range(10)]
    write_video(place / "x.mp4", frames, 25.0)
    for name in ("flat", "solid"):
        native.write_pose(flat if name == "flat" else solid, place / f"{name}.safetensors")
    source = {name: str(place / name) for name in ("x.mp4", "flat.safetensors", "solid.safetensors")}
    write_jobs(place, source["solid.safetensors"])

    def training(out: Path, run: Callable[[], int]) -> int:
        with contextlib.chdir(out):  # jobs name their folder
            return run()

    def checkpoint(out: Path) -> None:
        with atomic_path(out / "a.pt") as temporary:
            torch.save({"a": torch.zeros(9999)}, temporary)

    found: dict[str, Callable[[Path], Any]] = {
        "text": lambda out: write_text(out / "a.txt", "x" * 99),
        "line of a log": lambda out: append_line(out / "a.jsonl", "x" * 99),
        "checkpoint": checkpoint,
        "tensors": lambda out: save_tensors({"a": np.zeros(99, np.float32)}, out / "a.safetensors", {}),
        "shard": lambda out: native.write_shard({"a": flat}, out / "a.safetensors"),
        "pose file": lambda out: write_pose(flat, out / "a.pose"),
        "skels": lambda out: write_pose(solid, out / "a.skels"),
        "OpenPose JSON": lambda out: openpose_json.write_pose(flat, out / "a"),
        "video": lambda out: write_video(out / "a.mp4", frames, 25.0),
        "view": lambda out: make_view(place / "x.mp4", flat, None, out / "a.mp4"),
        "still": lambda out: make_still(flat, None, out / "a.png"),
        "packed": lambda out: pack([source["solid.safetensors"]], out / "store"),
        "frames": lambda out: decode_frames({"a": place / "x.mp4"}, out, 32, 32, 1),
        "vocabulary": lambda out: fit_text(["ein kurzer satz"] * 9, out, "word"),
        "pieces": lambda out: fit_text(["ein kurzer satz"] * 9, out, "spm", spm_size=30),
        "skeletor refine": lambda out: cli.main(
            ["refine", source["solid.safetensors"], "--refiner", "linear", "-o", str(out / "a.safetensors")]
        ),
        "skeletor pack": lambda out: cli.main(["pack", source["solid.safetensors"], "-o", str(out / "store")]),
        "skeletor train": lambda out: training(out, lambda: cli.main(["train", str(place / "train.yaml")])),
        "slt lift": lambda out: slt("lift", source["flat.safetensors"], "-o", str(out)),
        "slt lift train": lambda out: training(out, lambda: slt("lift", "train", str(place / "lift.yaml"))),
        "slt refine": lambda out: slt("refine", source["solid.safetensors"], "--refine", "linear", "-o", str(out)),
        "slt poses": lambda out: slt("poses", source["x.mp4"], "-o", str(out), "--workers", "0"),
        "slt run": lambda out: slt("run", "configs/tiny.yaml", "--run-dir", str(out / "run")),
        "slt corpus": lambda out: slt("corpus", "render", "configs/tiny.yaml", "-o", str(out / "corpus")),
    }
    return found


def write_jobs(place: Path, poses: str) -> None:
    """The smallest trainings of a refiner, on these poses, and of a lifter: `train.yaml` and `lift.yaml`."""
    train = {"model": {"d_model": 16, "d_ff": 32, "heads": 2, "layers": 1}, "window": 16, "margin": 2, "batch_size": 4,
             "max_steps": 2, "log_every": 1, "checkpoint_every": 1}  # fmt: skip
    lift = {"data": {"clips": 2, "views": 1}, "model": {"kind": "joint-token", "width": 16, "blocks": 1},
            "train": {"batch_size": 2, "max_steps": 2, "log_every": 1, "checkpoint_every": 1}, "threads": 1,
            "workers": 1}  # fmt: skip
    for name, job in (("train", {"data": [poses], "threads": 1, "train": train}), ("lift", lift)):
        (place / f"{name}.yaml").write_text(yaml.safe_dump({**job, "out": "run", "device": "cpu"}))


def main() -> None:
    """See the module's text. First argument: an empty folder."""
    place = Path(sys.argv[1])
    writes = sites(place)
    tries = [(name, 20) for name in writes] + [(name, 3000) for name in writes if name.endswith(" train")]
    for number, (name, size) in enumerate(tries):
        out = place / f"out-{number}"
        out.mkdir()
        told, printed = io.StringIO(), io.StringIO()
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(printed), full_disk(size):
            try:
                outcome = writes[name](out)
            except Exception as error:
                outcome = f"{type(error).__name__}: {error}"
        left = [str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()]
        line = {"name": name, "out": str(out), "outcome": outcome, "told": told.getvalue(), "left": left}
        os.write(1, f"{json.dumps(line, default=str)}\n".encode())


if __name__ == "__main__":
    main()
