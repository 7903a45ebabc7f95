"""A command that is ended at random moments, again and again, must end with the bytes of one that was left alone.

After every end: no process of its session is left, the exit code is that of the signal, and no file with a final name
differs from what it will be in the end. After a signal that can be heard (SIGTERM, Ctrl-C), no temporary file is left
either, and there is one line on stderr. Needs Linux's /proc.

    python -m tests.hardening.alone.killing --ends 30 --model runs/demo/model
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[3]
EXIT_CODES: Mapping[int, int] = MappingProxyType(
    {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}
)
# Files in which times of day, durations or process ids stand, and what a training only needs while it runs.
CLOCKS = ("log.txt", "done.json", "report.md", "report.json", "training.json", "train.log", "README.md", ".lock")
_GONE_WITHIN = 10.0  # seconds in which the processes of a killed command have to be gone


@dataclass(frozen=True)
class Command:
    """What is ended. arguments: of Python. makes: the folder of its results, relative to the working folder."""

    name: str
    arguments: Sequence[str]
    makes: str


@dataclass
class Outcome:
    """How often a command was ended, by what, and what was wrong; an empty list if nothing was."""

    name: str
    ends: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def session(leader: int) -> list[int]:
    """The processes of a session that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            rest = (entry / "stat").read_text().rsplit(")", 1)[1].split() if entry.name.isdigit() else []
        except OSError:  # it ended while we looked
            continue
        if rest and int(rest[3]) == leader and rest[0] != "Z":
            found.append(int(entry.name))
    return found


def digests(folder: Path) -> dict[str, str]:
    """Hashes of the files with final names that have to be the same in the end, by their path in `folder`."""
    found = {}
    for file in sorted(folder.rglob("*")):
        name = str(file.relative_to(folder))
        kept = "checkpoint" not in name and file.suffix != ".jsonl" and file.name not in CLOCKS
        if kept and file.is_file() and not any(part.startswith(".") for part in Path(name).parts):
            found[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def temporaries(folder: Path) -> list[str]:
    """What a writer has begun in `folder` and not ended."""
    return [str(p.relative_to(folder)) for p in folder.rglob(".*") if ".tmp" in p.name]


def start(command: Command, folder: Path, told: IO[bytes]) -> subprocess.Popen[bytes]:
    """Run it in a session of its own, on CPUs alone; stderr goes to `told`: a pipe would wait for those it leaves."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [sys.executable, *command.arguments], cwd=folder, env=environment, start_new_session=True, preexec_fn=_hear,
        stdout=subprocess.DEVNULL, stderr=told,
    )  # fmt: skip


def _hear() -> None:
    """What is started in the background ignores Ctrl-C, and hands that down; the commands here are to hear it."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def whole(command: Command, folder: Path) -> tuple[dict[str, str], float]:
    """What it makes when it is left alone, and the seconds it takes. Raises RuntimeError if it does not end well."""
    begin = time.monotonic()
    with tempfile.TemporaryFile() as told, start(command, folder, told) as process:
        if process.wait():
            raise RuntimeError(f"{command.name}: exit code {process.returncode}: {_text(told)}")
    return digests(folder / command.makes), time.monotonic() - begin


def ended(
    command: Command, folder: Path, expected: Mapping[str, str], seconds: float, signals: Sequence[int],
    rng: np.random.Generator, most: int,
) -> Outcome:  # fmt: skip
    """End the command at most so many times, each after a random time up to `seconds`; then let it end by itself."""
    outcome = Outcome(command.name)
    for count in range(most + 1):
        number = signals[int(rng.integers(len(signals)))]
        to_all = number == signal.SIGINT or bool(rng.integers(2))  # a terminal tells all processes, `kill` one
        wait = float(rng.uniform(0, seconds)) if count < most else None
        with tempfile.TemporaryFile() as told, start(command, folder, told) as process:
            try:
                if process.wait(timeout=wait):
                    outcome.wrong.append(f"exit code {process.returncode}: {_text(told)}")
            except subprocess.TimeoutExpired:
                outcome.ends.append(f"{signal.Signals(number).name} {'to all' if to_all else 'to one'} at {wait:.1f} s")
                os.killpg(process.pid, number) if to_all else process.send_signal(number)
                process.wait()
                problems = [*_left(process.pid), *_told(number, process.returncode, _text(told))]
                problems += _files(folder / command.makes, expected, number)
                outcome.wrong += [f"{outcome.ends[-1]}: {problem}" for problem in problems]
                continue
        break
    found = digests(folder / command.makes)
    outcome.wrong += [f"{name}: other bytes in the end" for name in expected if found.get(name) != expected[name]]
    outcome.wrong += [f"{name}: too much in the end" for name in found if name not in expected]
    return outcome


def _text(told: IO[bytes]) -> str:
    told.seek(0)
    return told.read().decode("utf-8", "replace")


def _left(leader: int) -> list[str]:
    deadline = time.monotonic() + _GONE_WITHIN
    while left := session(leader):
        if time.monotonic() > deadline:
            for process in left:
                os.kill(process, signal.SIGKILL)
            return [f"{len(left)} processes left"]
        time.sleep(0.02)
    return []


def _told(number: int, code: int, told: str) -> list[str]:
    """Python itself, before the command has begun, ends by the signal alone, and Ctrl-C prints where it was. A command
    that had done all before it heard ends with 0."""
    if code == 0:
        return []
    if number == signal.SIGKILL:
        return [] if code == -number else [f"exit code {code}"]
    begun = code != -number and "KeyboardInterrupt" not in told
    if not begun:
        return []
    wrong = [] if code == EXIT_CODES[number] else [f"exit code {code}"]
    return wrong + ([f"a traceback: {told[-2000:]}"] if "Traceback" in told else [])


def _files(folder: Path, expected: Mapping[str, str], number: int) -> list[str]:
    found = digests(folder) if folder.exists() else {}
    wrong = [f"{name}: under its final name, but not whole" for name in found if found[name] != expected.get(name)]
    if number != signal.SIGKILL and folder.exists():
        wrong += [f"{name}: left" for name in temporaries(folder)]
    return wrong


def _program(module: str, *arguments: str) -> tuple[str, ...]:
    return ("-c", f"import sys; from {module} import main; sys.exit(main())", *arguments)


def skeletor_train(inputs: Path) -> Command:
    """A refiner's training of a few seconds."""
    from skeletor.io import native
    from skeletor.poses.pose import PoseSequence, Provenance
    from skeletor.poses.skeleton import SIGNING_50

    rng = np.random.default_rng(0)
    clips = {}
    for name in "abcd":
        points = rng.normal(size=(1, 50, 3)) * 0.3 + 0.1 * np.sin(np.arange(40)[:, None, None] / 5 + rng.normal())
        clips[name] = PoseSequence(
            points, np.ones((40, 50), np.float32), 25.0, SIGNING_50, Provenance(units="shoulder")
        )
    native.write_shard(clips, inputs / "good.safetensors")
    train = {"model": {"d_model": 16, "d_ff": 32, "heads": 2, "layers": 1}, "window": 16, "margin": 2, "batch_size": 8,
             "max_steps": 150, "log_every": 10, "validate_every": 50, "checkpoint_every": 10}  # fmt: skip
    job = {"data": [str(inputs / "good.safetensors")], "out": "out", "threads": 1, "device": "cpu", "train": train}
    (inputs / "train.yaml").write_text(yaml.safe_dump(job))
    return Command("skeletor train", _program("skeletor.cli", "train", str(inputs / "train.yaml")), "out")


def lift_train(inputs: Path) -> Command:
    """A lifter's training of a few seconds."""
    job = {
        "out": "out", "threads": 1, "device": "cpu", "data": {"clips": 6, "views": 1},
        "model": {"kind": "joint-token", "width": 16, "blocks": 1},
        "train": {"batch_size": 2, "max_steps": 80, "log_every": 10, "checkpoint_every": 10},
    }  # fmt: skip
    (inputs / "lift.yaml").write_text(yaml.safe_dump(job))
    return Command("slt lift train", _program("slt.cli", "lift", "train", str(inputs / "lift.yaml")), "out")


def videos(inputs: Path, count: int) -> list[str]:
    """Short videos of a rendered signer."""
    from slt.synthetic import build

    config = build.CorpusConfig(train=count, dev=1, test=1, calibration=count, studio=2, studio_motion=2, negatives=1)
    plans = [plan for plan in build.plan_corpus(config) if plan.part == "train"]
    paths = [build.video_path(inputs, plan.part, plan.name) for plan in plans]
    for plan, path in zip(plans, paths, strict=True):
        if not path.exists():
            build.make_clip(plan, config, inputs)
    return [str(path) for path in paths]


def slt_poses(inputs: Path) -> Command:
    """2D poses of three videos."""
    return Command("slt poses", _program("slt.cli", "poses", *videos(inputs, 3), "-o", "out"), "out")


def slt_translate(inputs: Path, model: Path) -> Command:
    """Three videos, translated by a trained model."""
    options = ("--model", str(model.resolve()), "-o", "out", "-f", "txt,srt", "--device", "cpu")
    return Command("slt translate", _program("slt.cli", "translate", *videos(inputs, 3), *options), "out")


def slt_run(inputs: Path) -> Command:
    """The whole pipeline, tiny."""
    return Command("slt run", _program("slt.cli", "run", str(ROOT / "configs/tiny.yaml"), "--run-dir", "out"), "out")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each command, and what was wrong. Exit code 1 if anything was."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ends", type=int, default=10, help="of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, help="of slt translate, which is left out without one")
    parser.add_argument("--run", action="store_true", help="slt run too: minutes for each end")
    parser.add_argument("--only", help="one command, e.g. 'slt poses'")
    options = parser.parse_args(arguments)
    kinds: dict[str, Callable[[Path], Command]] = {
        "skeletor train": skeletor_train, "slt lift train": lift_train, "slt poses": slt_poses,
    }  # fmt: skip
    if options.model:
        kinds["slt translate"] = lambda inputs: slt_translate(inputs, options.model)
    if options.run:
        kinds["slt run"] = slt_run
    failed = False
    with tempfile.TemporaryDirectory() as work:
        for name, kind in kinds.items():
            if options.only not in (None, name):
                continue
            outcome = trial(kind, Path(work), options.ends, np.random.default_rng(options.seed))
            print(f"{name}: ended {len(outcome.ends)} times, {len(outcome.wrong)} wrong", flush=True)
            print("".join(f"  {line}\n" for line in outcome.wrong), end="", flush=True)
            failed = failed or bool(outcome.wrong)
    return int(failed)


def trial(kind: Callable[[Path], Command], work: Path, ends: int, rng: np.random.Generator) -> Outcome:
    """Run one command whole, then end it so many times: three times at most before it may end, then begun anew."""
    inputs = work / "inputs"
    inputs.mkdir(exist_ok=True)
    command = kind(inputs)
    folder = Path(tempfile.mkdtemp(dir=work))
    expected, seconds = whole(command, folder)
    outcome = Outcome(command.name)
    while len(outcome.ends) < ends:
        fresh = Path(tempfile.mkdtemp(dir=work))
        most = min(3, ends - len(outcome.ends))
        again = ended(command, fresh, expected, seconds, tuple(EXIT_CODES), rng, most)
        outcome.ends += again.ends
        outcome.wrong += again.wrong
    return outcome


if __name__ == "__main__":
    sys.exit(main())
