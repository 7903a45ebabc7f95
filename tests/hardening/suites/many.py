"""1,000 translations in one process: memory and file handles stay what they were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skeletor.io.formats import write_pose
from tests.hardening.case import Case, Context, Outcome, Suite
from tests.hardening.made.poses import pose_2d
from tests.hardening.made.signers import signing_video

FULL = 1000
_VIDEO_EVERY = 10  # every tenth translation is of a video
_INPUTS = 8  # different files of either kind
_GROWTH = 64 << 20  # bytes from the first quarter to the end
_HANDLES = 2


def suite() -> Suite:
    """The suite."""
    return Suite("many", "memory and file handles flat", _cases, parallel=False)


def _cases(context: Context) -> Iterator[Case]:
    yield Case("translations", lambda: _check(context))


def _check(context: Context) -> Iterator[Outcome]:
    """One outcome a translation, one for memory, one for handles."""
    count = max(40, context.count(FULL))
    folder, rng = context.folder("inputs"), np.random.default_rng(context.seed)
    for k in range(_INPUTS):
        write_pose(pose_2d(rng, 40 + 5 * k, f"p{k}"), folder / f"p{k}.safetensors")
        signing_video(folder / f"v{k}.mp4", k, 8)
    reply = context.server().call(translate_many, context.model(), folder, count, cpu=3600, wall=3600)
    if reply.value is None:
        yield Outcome("translations", reply.died or f"{reply.error}")
        return
    errors, memory, handles = reply.value
    for k, error in enumerate(errors):
        yield Outcome(f"translation {k}", error)
    quarter = len(memory) // 4
    grown = float(
        np.median(memory[-max(1, quarter // 2) :]) - np.median(memory[quarter : quarter + max(1, quarter // 2)])
    )
    yield Outcome("memory", f"grows by {grown / 2**20:.0f} MB in {count} translations" if grown > _GROWTH else "")
    more = handles[-1] - handles[quarter]
    yield Outcome("file handles", f"{more} more in {count} translations" if more > _HANDLES else "")


def translate_many(model: Path, folder: Path, count: int) -> tuple[list[str], list[int], list[int]]:
    """What went wrong in each translation, and after each the memory in bytes and the open files."""
    from skeletor.support.errors import SkeletorError
    from slt.inference.chain import load_chain

    chain = load_chain(model, device="cpu")
    errors: list[str] = []
    memory, handles = [], []
    for k in range(count):
        kind = "v" if k % _VIDEO_EVERY == 0 else "p"
        number = k // _VIDEO_EVERY if kind == "v" else k
        path = folder / f"{kind}{number % _INPUTS}.{'mp4' if kind == 'v' else 'safetensors'}"
        try:
            chain.translate(path)
            errors.append("")
        except SkeletorError as error:
            errors.append(str(error))
        memory.append(_resident())
        handles.append(len(os.listdir("/proc/self/fd")))
    return errors, memory, handles


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
