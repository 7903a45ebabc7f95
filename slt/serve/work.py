"""The work on one upload, in a worker process: from the file to what the page shows and gives away.

All goes through files of the upload's own folder: `progress.json` while it goes on, then the results.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from skeletor.files.plain_json import to_json
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError, as_input_error, one_line
from skeletor.support.listening import listening
from skeletor.support.progress import log

if TYPE_CHECKING:
    from slt.inference.chain import Chain, Translation
    from slt.inference.recording import Recording

PROGRESS, SCENE = "progress.json", "scene.json"
# What can be downloaded: name -> kind. Texts are there only if something was understood.
RESULTS = {
    "result.json": "application/json",
    "sentences.txt": "text/plain; charset=utf-8",
    "subtitles.srt": "application/x-subrip; charset=utf-8",
    "subtitles.vtt": "text/vtt; charset=utf-8",
    "annotation.eaf": "application/xml",
    "poses.safetensors": "application/octet-stream",
    "poses.pose": "application/octet-stream",
}
_PAUSE = 0.2  # seconds between two notes of progress


@dataclass(frozen=True)
class Task:
    """One upload. source: the file, in a folder of its own. name: as the user knows it. longest: seconds."""

    source: Path
    name: str
    longest: float
    model: Path | None = None
    device: str = "auto"


@dataclass(frozen=True)
class Outcome:
    """error: why it failed, in one line; None if the results lie in the folder. defect: the program is at fault."""

    error: str | None = None
    defect: bool = False


def warm(model: Path | None, device: str, workers: int = 1) -> None:
    """Load the models before they are needed. workers: processes like this one, which share the cores."""
    _chain(model, device)
    if workers > 1:
        _share_cores(workers)


def _share_cores(workers: int) -> None:
    """As many threads as the cores give to each of some processes: more would wait for each other."""
    import cv2
    import torch

    from slt.estimators.ahead import usable_cores

    threads = max(1, usable_cores() // workers)
    cv2.setNumThreads(threads)
    torch.set_num_threads(threads)


def work(task: Task) -> Outcome:
    """Translate an upload and write the results beside it. What fails is an outcome, not an exception."""
    try:
        _write(task)
        return Outcome()
    except Exception as error:
        known = as_input_error(error, task.name)
        text = one_line(known) if known is not None else f"unexpected {type(error).__name__}: {one_line(error)}"
        return Outcome(_without_paths(text, task), known is None)


def _without_paths(text: str, task: Task) -> str:
    """The text with the upload's name in place of its path."""
    return text.replace(str(task.source), task.name).replace(str(task.source.parent), "").replace(
        task.source.name, task.name
    )  # fmt: skip


@cache
def _chain(model: Path | None, device: str) -> Chain:
    """One for the process: to load it takes longer than most clips."""
    from slt.inference.chain import load_chain

    return load_chain(model, device=device)


def _write(task: Task) -> None:
    from skeletor.io.formats import write_pose, write_poses
    from slt.inference.chain import to_signing_50
    from slt.inference.recording import translate_recording
    from slt.viewer.scene import make_scene

    folder = task.source.parent
    tell = _Notes(folder)
    tell("models", 0, 0)
    chain = _chain(task.model, task.device)
    tell("video", 0, 0)
    with _warnings() as heard:
        raw = to_signing_50(_poses(chain, task, tell))
    tell("repair", 0, 0)
    result = translate_recording(chain, task.name, lambda _: raw, None)
    told = dict.fromkeys(_without_paths(text, task) for text in heard)
    result = dataclasses.replace(result, warnings=(*told, *result.warnings))
    lifted, refined = _in_space(chain, raw, result.text is not None)
    tell("files", 0, 0)
    poses = {"raw": raw, "lifted": lifted, "repaired": refined}
    write_poses(poses, folder / "poses.safetensors")
    write_pose(refined, folder / "poses.pose")
    for name, text in _texts(result).items():
        (folder / name).write_text(text, encoding="utf-8")
    scene = make_scene(task.name, raw, lifted, refined, result)
    (folder / SCENE).write_text(to_json(scene), encoding="utf-8")


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What is logged in the block about the file, which the user has to hear and not the server's terminal."""
    heard: list[str] = []

    class Hear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    hearing, propagated = Hear(logging.WARNING), log.propagate
    log.addHandler(hearing)
    log.propagate = False
    try:
        yield heard
    finally:
        log.removeHandler(hearing)
        log.propagate = propagated


def _poses(chain: Chain, task: Task, tell: Callable[[str, int, int], None]) -> PoseSequence:
    """The poses of an upload that is not too long, under the name that the user knows."""
    from skeletor.files.suffixes import is_poses
    from skeletor.io.people import by_turns
    from slt.video import open_video

    if is_poses(task.source):
        raw = chain.poses(task.source, by_turns)
        _check_length(raw.seconds, task)
    else:
        with open_video(task.source) as video:
            _check_length(video.frame_count / video.fps, task)
        with listening(tell):
            raw = chain.poses(task.source)
    about = dataclasses.replace(raw.provenance, source=task.name)
    return PoseSequence(raw.keypoints, raw.confidence, raw.fps, raw.skeleton, about)


def _check_length(seconds: float, task: Task) -> None:
    if seconds > task.longest:
        raise InputError(f"{task.name}: {seconds:.1f} s long; at most {task.longest:g} s are taken here, cut it")


def _in_space(chain: Chain, raw: PoseSequence, understood: bool) -> tuple[PoseSequence, PoseSequence]:
    """3D before and after the repair; all missing if nobody was found, which the sentence's absence explains."""
    from skeletor.refiners.base import NoRefineOptions
    from skeletor.refiners.registry import build_refiner

    unrepaired = dataclasses.replace(chain, refiner=build_refiner(NoRefineOptions()))
    try:
        return unrepaired.spatial(raw), chain.spatial(raw)
    except InputError:
        if understood:
            raise
        shape = (*raw.confidence.shape, 3)
        nobody = raw.replace(np.full(shape, np.nan), np.zeros(shape[:2]), units="shoulder")
        return nobody, nobody


def _texts(result: Translation | Recording) -> dict[str, str]:
    """The results that are text, by name; without subtitles if nothing was understood."""
    from slt.segment.written.eaf import eaf
    from slt.segment.written.subtitles import srt, txt, vtt

    made = {"result.json": result.json()}
    if result.text is not None:
        cues = result.cues()
        made |= {"sentences.txt": txt(cues), "subtitles.srt": srt(cues), "subtitles.vtt": vtt(cues)}
        made["annotation.eaf"] = eaf(cues)
    return made


class _Notes:
    """Writes how far the work is, a few times a second."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / PROGRESS
        self._last = ("", 0.0)

    def __call__(self, what: str, done: int, total: int) -> None:
        now = monotonic()
        if what == self._last[0] and now - self._last[1] < _PAUSE:
            return
        self._last = what, now
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps({"what": what, "done": done, "total": total}), encoding="utf-8")
        os.replace(beside, self._file)


def read_progress(folder: Path) -> dict[str, Any]:
    """The last note: `what` is done, and how much of it; empty before the first one."""
    try:
        found = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
