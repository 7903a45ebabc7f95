"""What is no sentence of a signer: the system abstains, or names its choice; it invents nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from slt.video import write_video
from tests.hardening.case import Case, Context, Outcome, Suite
from tests.hardening.endings import wrong_ending
from tests.hardening.made.signers import frames

ABSTAINED = 3
_SECONDS = 600.0
Picture = np.ndarray


def suite() -> Suite:
    """The suite."""
    return Suite("content", "abstains or names its choice; 0 invented sentences", _cases)


def _cases(context: Context) -> Iterator[Case]:
    made: dict[str, tuple[Callable[[], Iterator[Picture]], bool]] = {
        "black": (lambda: iter([np.zeros((240, 240, 3), np.uint8)] * 75), False),
        "an empty room": (lambda: _room(context.seed), False),
        "a still picture of a signer": (lambda: iter([next(frames(1, count=20))] * 75), False),
        "an idle person": (lambda: frames(2, "idle"), False),
        "signs of no lexicon": (lambda: frames(3, "unknown"), False),
        "two people sign": (lambda: _beside(frames(4), frames(5, signer=1)), True),
        "the signer leaves": (lambda: _leaves(6), True),
    }
    real: dict[str, tuple[str, str | None]] = {
        "people walking": ("data/video/people_walking.avi", None),
        "a sign of another language": ("data/video/sign_test_video.mp4", None),
        "Czech sign language, key points": ("data/openpose/zelinka_demo_20161025_pocasi.h5", None),
        "someone of OpenPose's example": ("data/openpose/openpose_137_example.pose", None),
        "two people side by side": ("cases/a20/two_people.mp4", "choice"),
    }
    for name in context.sample([*made, *real], "content"):
        if name in made:
            make, choice = made[name]
            yield Case(name, lambda name=name, make=make, choice=choice: _made(context, name, make, choice))  # type: ignore[misc]
        else:
            place, named = real[name]
            yield Case(name, lambda name=name, place=place, named=named: _real(context, name, place, bool(named)))  # type: ignore[misc]


def _made(context: Context, name: str, make: Callable[[], Iterator[Picture]], choice: bool) -> Iterator[Outcome]:
    path = context.folder("videos") / f"{name.replace(' ', '_')}.mp4"
    write_video(path, make(), 25)
    yield Outcome(name, _check(context, path, choice))


def _real(context: Context, name: str, place: str, choice: bool) -> Iterator[Outcome]:
    path = context.shared / place
    if not path.exists():
        yield Outcome(name, f"{place} is not here", skipped=True)
        return
    yield Outcome(name, _check(context, path, choice))


def _check(context: Context, path: Path, choice: bool) -> str:
    """choice: a sentence is right if a warning says what was taken for the signer."""
    log = context.folder("logs") / path.stem
    argv = ["translate", path, "--model", context.model(), "--workers", 0, "--device", "cpu"]
    done = context.server().run("slt", argv, context.work, log, _SECONDS)
    problem = wrong_ending(done, 0, ABSTAINED)
    if problem or done.code == ABSTAINED:
        return problem
    if choice and "warning" in done.err:
        return ""
    return f"{'chosen without a word' if choice else 'invented'}: {done.out.strip()[:120]}"


def _room(seed: int) -> Iterator[Picture]:
    rng = np.random.default_rng(seed)
    wall = np.clip(rng.normal(150, 20, (240, 240, 3)), 0, 255)
    wall[160:, 40:200] = (90, 60, 40)
    for _ in range(75):
        yield np.clip(wall + rng.normal(0, 4, wall.shape), 0, 255).astype(np.uint8)


def _beside(left: Iterator[Picture], right: Iterator[Picture]) -> Iterator[Picture]:
    for one, other in zip(left, right, strict=False):
        height = min(len(one), len(other))
        yield np.concatenate([one[:height], other[:height]], 1)


def _leaves(seed: int) -> Iterator[Picture]:
    """The first second of a sentence, then two of the wall alone."""
    first: Picture | None = None
    for k, frame in enumerate(frames(seed)):
        first = frame if first is None else first
        if k < 25:
            yield frame
    assert first is not None
    wall = np.broadcast_to(first[:8].mean((0, 1)).astype(np.uint8), first.shape)
    for _ in range(50):
        yield np.ascontiguousarray(wall)
