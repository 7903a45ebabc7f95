"""A batch with bad clips in it: all sound ones get their result, each bad one is named, exit code 2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from skeletor.io.formats import write_pose
from tests.hardening.case import Case, Context, Outcome, Suite
from tests.hardening.made.poses import pose_2d
from tests.hardening.made.signers import signing_video
from tests.hardening.made.videos import plain

FULL = 100
_FRAMES = 4
Bad = tuple[str, Callable[[Path], object]]


def suite() -> Suite:
    """The suite."""
    return Suite("batch", "90 outputs, 10 listed, exit 2", _cases)


def _cases(context: Context) -> Iterator[Case]:
    commands: list[tuple[str, list[str], Callable[[Path, int], None], tuple[Bad, ...]]] = [
        ("poses", ["poses"], _video, _BAD_VIDEOS),
        ("lift", ["lift"], _poses, _BAD_POSES),
    ]
    for name, argv, make, bad in commands:
        yield Case(name, lambda n=name, a=argv, m=make, b=bad: _check(context, n, a, m, b))  # type: ignore[misc]


def _check(
    context: Context, name: str, argv: list[str], make: Callable[[Path, int], None], bad: tuple[Bad, ...]
) -> Iterator[Outcome]:
    """One outcome a clip, and one for the exit code."""
    count = max(10, context.count(FULL))
    folder = context.folder(name)
    wrong = sorted(context.generator(name).sample(range(count), count // 10))
    files = []
    for k in range(count):
        if k in wrong:
            suffix, spoil = bad[wrong.index(k) % len(bad)]
            files.append(folder / f"clip{k:03d}{suffix}")
            spoil(files[-1])
        else:
            files.append(folder / f"clip{k:03d}{'.mp4' if make is _video else '.safetensors'}")
            make(files[-1], k)
    out = folder / "out"
    done = context.server().run("slt", [*argv, *files, "-o", out], folder, folder / "log", 600 + 120 * count)
    lines = done.err.splitlines()
    for k, file in enumerate(files):
        named = [line for line in lines if file.name in line and "warning" not in line]
        made = (out / f"{file.stem}.safetensors").is_file()
        if k in wrong:
            reason = (
                "a result, though the clip is bad" if made else "" if len(named) == 1 else f"named {len(named)} times"
            )
        else:
            reason = "" if made and not named else f"no result{': ' + named[0] if named else ''}"
        yield Outcome(f"{name}: {file.name}", reason)
    ending = f"left running: {done.left[0]}" if done.left else "" if done.code == 2 else f"exit {done.code}"
    trace = "a traceback" if "Traceback" in done.err or "unexpected" in done.err else ""
    yield Outcome(f"{name}: how it ends", ending or trace)


def _video(path: Path, number: int) -> None:
    """A few frames of one of five signers."""
    source = path.parent / f".signer{number % 5}.mp4"
    signing_video(source, number % 5, _FRAMES)
    path.write_bytes(source.read_bytes())


def _poses(path: Path, number: int) -> None:
    write_pose(pose_2d(np.random.default_rng(number), 20, path.stem), path)


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _folder(path: Path) -> None:
    path.mkdir(exist_ok=True)


_BAD_VIDEOS: tuple[Bad, ...] = (
    (".mp4", lambda p: p.write_bytes(plain()[:1500])),
    (".mp4", lambda p: p.write_bytes(b"")),
    (".avi", lambda p: p.write_text("no video")),
    (".mp4", _missing),
    (".mkv", lambda p: p.write_bytes(bytes(4000))),
    ("", _folder),
)
_BAD_POSES: tuple[Bad, ...] = (
    (".safetensors", lambda p: p.write_bytes(b"\xff" * 900)),
    (".pose", lambda p: p.write_bytes(b"")),
    (".skels", lambda p: p.write_text("1 2 3\n")),
    (".h5", lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))),
    (".safetensors", _missing),
    ("", _folder),
)
