"""Commands that write, with inputs made for them, each in a folder of its own: to be ended, starved, and doubled."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skeletor.io import native
from skeletor.io.formats import write_pose
from skeletor.poses.skeleton import SIGNING_50
from tests.hardening.made.models import RUN, write_config
from tests.hardening.made.poses import pose_2d, pose_3d
from tests.hardening.made.signers import signing_video

OUT = "out"
REFINER = {"preset": "small", "model": {"d_model": 16, "d_ff": 32, "heads": 2, "layers": 1}, "window": 16, "margin": 2,
           "batch_size": 8, "warmup_steps": 2, "log_every": 4, "validate_every": 20, "checkpoint_every": 3}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A command that works in a folder. prepare: puts its inputs there. Its results go to OUT in the folder.

    model: whether it wants `--model`. resumes: begun again, it keeps the parts of its results that are whole.
    steady: whether the same work gives the same bytes; what is watched live depends on how fast the machine is.
    """

    name: str
    program: str
    argv: tuple[str, ...]
    prepare: Callable[[Path], None]
    model: bool = False
    resumes: bool = False
    steady: bool = True

    def arguments(self, model: Path | None) -> list[str]:
        """The whole command line."""
        return [*self.argv, *(["--model", str(model)] if self.model and model else [])]

    def codes(self, found: int) -> tuple[int, ...]:
        """Exit codes of undisturbed work that was found to end with one."""
        return (found,) if self.steady else (0, 3)


def copy_inputs(source: Path, target: Path) -> None:
    """The prepared inputs, in a fresh folder."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def copy_file(source: Path, target: Path) -> None:
    """A file with its times, in a folder that is made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _clips_3d(folder: Path) -> None:
    rng = np.random.default_rng(5)
    native.write_shard({f"c{k}": pose_3d(rng, 60, f"c{k}") for k in range(4)}, folder / "clips.safetensors")


def _refiner(steps: int) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        _clips_3d(folder)
        raw = {
            "data": ["clips.safetensors"],
            "out": OUT,
            "device": "cpu",
            "threads": 1,
            "train": {**REFINER, "max_steps": steps},
        }
        write_config(folder / "train.yaml", raw)

    return prepare


def _lifter(steps: int) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        raw = {
            "out": OUT, "workers": 1, "device": "cpu", "threads": 1, "data": {"clips": 3, "views": 1},
            "model": {"kind": "joint-token", "width": 8, "heads": 2, "blocks": 1, "taps": 3, "window": 8},
            "train": {"batch_size": 4, "max_steps": steps, "checkpoint_every": 3, "log_every": 4, "warmup_steps": 1},
        }  # fmt: skip
        write_config(folder / "lift.yaml", raw)

    return prepare


def _videos(number: int) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        for k in range(number):
            signing_video(folder / f"v{k}.mp4", k, 8)

    return prepare


def _poses(number: int) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        rng = np.random.default_rng(6)
        for k in range(number):
            write_pose(pose_2d(rng, 40, f"p{k}"), folder / f"p{k}.safetensors")

    return prepare


def _recording(folder: Path) -> None:
    """More than three minutes and 4 MB, which is worked on in parts: someone who signs for 3 s, and rests for 1.4."""
    rng = np.random.default_rng(8)
    points = np.tile(pose_2d(rng, 110).keypoints, (62, 1, 1))
    raised = np.array(
        [k for k, name in enumerate(SIGNING_50.joints) if "shoulder" not in name and name not in ("nose", "neck")]
    )
    signs = np.flatnonzero(np.arange(len(points)) % 110 < 75)
    points[signs[:, None], raised, 1] -= 90
    still = pose_2d(rng, len(points), "talk")
    write_pose(still.replace(points.astype(np.float32), still.confidence), folder / "talk.safetensors")


def _stream(folder: Path) -> None:
    """A video that can be read while it grows."""
    signing_video(folder / "v.ts", 3, 60)


def _pretraining(steps: int) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        _clips_3d(folder)
        recogniser = {"preset": "tiny", "width": 8, "hidden": 16}
        train = {"recogniser": recogniser, "batch": 3, "steps": steps, "warmup": 2, "checkpoint_every": 4}
        raw = {"data": ["clips.safetensors"], "out": OUT, "device": "cpu", "train": train}
        write_config(folder / "pretrain.yaml", raw)

    return prepare


def _solid(folder: Path) -> None:
    write_pose(pose_3d(np.random.default_rng(7), 40, "s"), folder / "s.safetensors")


def _run(folder: Path) -> None:
    write_config(folder / "run.yaml", RUN)


def train_refiner(steps: int) -> Job:
    """`skeletor train`."""
    return Job("skeletor train", "skeletor", ("train", "train.yaml"), _refiner(steps))


def train_lifter(steps: int) -> Job:
    """`slt lift train`."""
    return Job("slt lift train", "slt", ("lift", "train", "lift.yaml"), _lifter(steps))


def estimate(number: int) -> Job:
    """`slt poses` of several videos."""
    return Job("slt poses", "slt", ("poses", *(f"v{k}.mp4" for k in range(number)), "-o", OUT), _videos(number))


def translate(number: int) -> Job:
    """`slt translate` of several files of poses."""
    argv = ("translate", *(f"p{k}.safetensors" for k in range(number)), "-o", OUT, "-f", "txt,srt", "--device", "cpu")
    return Job("slt translate", "slt", argv, _poses(number), model=True)


def recording() -> Job:
    """`slt translate` of a long recording: what is done lies in `talk.work`, and goes with the last result."""
    argv = ("translate", "talk.safetensors", "-o", OUT, "-f", "txt,srt,vtt", "--segments", "rule", "--device", "cpu")
    return Job("slt translate, long", "slt", argv, _recording, model=True)


def live() -> Job:
    """`slt live` of a file that does not grow any more."""
    argv = ("live", "v.ts", "--wait", "0.3", "-o", f"{OUT}/talk.vtt", "--device", "cpu")
    return Job("slt live", "slt", argv, _stream, model=True, steady=False)


def pretrain(steps: int) -> Job:
    """`slt pretrain`."""
    return Job("slt pretrain", "slt", ("pretrain", "pretrain.yaml"), _pretraining(steps))


def whole_run() -> Job:
    """`slt run` of a config smaller than configs/tiny.yaml."""
    return Job("slt run", "slt", ("run", "run.yaml", "--run-dir", OUT), _run, resumes=True)


def lift(number: int) -> Job:
    """`slt lift` of several files of poses."""
    return Job("slt lift", "slt", ("lift", *(f"p{k}.safetensors" for k in range(number)), "-o", OUT), _poses(number))


def refine_stage() -> Job:
    """`slt refine`."""
    return Job("slt refine", "slt", ("refine", "s.safetensors", "--refine", "savgol", "-o", OUT), _solid)


def refine_file() -> Job:
    """`skeletor refine`, to another format."""
    argv = ("refine", "s.safetensors", "--refiner", "savgol", "-o", f"{OUT}/s.pose")
    return Job("skeletor refine", "skeletor", argv, _solid)


def pack() -> Job:
    """`skeletor pack`."""
    return Job("skeletor pack", "skeletor", ("pack", "clips.safetensors", "-o", OUT), _clips_3d)


def view() -> Job:
    """`slt view`."""
    return Job("slt view", "slt", ("view", "v0.mp4", "--refine", "savgol", "-o", OUT), _videos(1))


def openpose() -> Job:
    """`slt poses` to `.pose`."""
    return Job("slt poses, .pose", "slt", ("poses", "v0.mp4", "--suffix", ".pose", "-o", OUT), _videos(1))


def corpus() -> Job:
    """`slt corpus render`."""

    def prepare(folder: Path) -> None:
        few = {"train": 2, "dev": 1, "test": 1, "calibration": 2, "studio": 2, "studio_motion": 1, "negatives": 1}
        write_config(folder / "corpus.yaml", few)

    return Job("slt corpus", "slt", ("corpus", "render", "corpus.yaml", "-o", OUT), prepare)


def page() -> Job:
    """`slt view` to a page of its own."""
    return Job("slt view, page", "slt", ("view", "v0.mp4", "--refine", "savgol", "-f", "html", "-o", OUT), _videos(1))


def shards(number: int) -> Job:
    """`slt shards`: two files of poses a shard, in two processes."""
    argv = ("shards", "lift", *(f"p{k}.safetensors" for k in range(number)), "-o", OUT)
    return Job("slt shards", "slt", (*argv, "--shard-size", "2", "--workers", "2"), _poses(number))


def fit_noise() -> Job:
    """`skeletor fit-noise`."""
    argv = ("fit-noise", "p0.safetensors", "p1.safetensors", "-o", f"{OUT}/noise.json")
    return Job("skeletor fit-noise", "skeletor", argv, _poses(2))


def importing() -> Job:
    """`slt data import`, with copies of the recordings."""

    def prepare(folder: Path) -> None:
        from tests.slt.data.importers.trees import csl_daily

        csl_daily(folder / "from")

    return Job("slt data import", "slt", ("data", "import", "csl-daily", "from", OUT, "--media", "copy"), prepare)
