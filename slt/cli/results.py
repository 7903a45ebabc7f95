"""Poses as the results of a command: the files they go to, and the line that is printed about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from skeletor.io import skels
from skeletor.io.mediapipe_file import write_in_layout
from skeletor.poses.key_frames import pose_stride
from skeletor.poses.pose import PoseSequence
from skeletor.poses.seen import seen, turned_warning
from skeletor.poses.turns import each_turn
from skeletor.support.errors import InputError, NothingToTranslate, SkeletorError, printable
from skeletor.support.listening import said
from skeletor.support.progress import log
from slt.estimators.mediapipe.bystanders import people_warning

SUFFIXES = (".safetensors", ".pose", ".skels")
SKELS = ".skels"


class NobodyFound(NothingToTranslate):
    """The poses are written, but nobody is in them. Exit code 3."""


def refuse_flat_skels(suffix: str, dims: int, where: str) -> None:
    """Raises InputError if the results are 2D and were to be `.skels`, which hold 3D only.

    Before anything is computed.
    """
    if suffix == SKELS and dims == 2:
        raise InputError(f"{where}: gives 2D poses, .skels files hold 3D; choose --suffix .safetensors or .pose")


def check_fits(poses: Mapping[str, PoseSequence], suffix: str, path: Path) -> None:
    """Raises InputError if the results of these clips cannot be written as files of that kind.

    Before they are computed.
    """
    if suffix == SKELS:
        for name in poses:
            if abs(poses[name].fps - skels.FPS) > 1e-6:
                raise InputError(
                    f"{path}: clip {name!r} has {poses[name].fps:g} frames per second, .skels files have "
                    f"{skels.FPS:g}; choose --suffix .safetensors"
                )
    elif suffix == ".pose" and len(poses) > 1:
        raise InputError(
            f"{path}: holds {len(poses)} clips, a .pose file holds one; choose --suffix .safetensors, or --clip NAME"
        )


def run_stage(
    stage: Callable[[PoseSequence], PoseSequence],
    clips: Mapping[str, PoseSequence],
    source: Path,
    target: Path,
    layout: str | None = None,
) -> None:
    """Put the clips of a file through a stage, write them into one file, and print what is in it.

    layout: of a .pose file's points, see `write_in_layout`.

    Clips that fail are left out, and those with nobody in them. Of the latter a warning tells, as `slt shards` does.
    Raises InputError, which names those that failed, when the others are written; NothingToTranslate if nobody is in
    any.
    """
    done: dict[str, PoseSequence] = {}
    failed: dict[str, SkeletorError] = {}
    empty: dict[str, NothingToTranslate] = {}
    for name in said(clips, "clips of the file", len(clips)):
        try:
            result = each_turn(clips[name], stage)
            if target.suffix.lower() == SKELS and not np.isfinite(result.keypoints).any():
                raise InputError("nobody is in it, which a .skels file cannot say; choose --suffix .safetensors")
            done[name] = result
        except NothingToTranslate as error:
            empty[name] = error
        except SkeletorError as error:
            failed[name] = error
    if not done and (failed or empty):
        raise next(iter((failed or empty).values()))
    for name, nobody in empty.items():
        log.warning("%s: warning: clip %s is left out: %s", source, name, nobody)
    write_in_layout(done, target, layout)
    report(done, source, target)
    if failed:
        name, reason = next(iter(failed.items()))
        raise InputError(
            f"{source}: {len(failed)} of {len(clips)} clips failed, the others are in {target}; {name}: {reason}"
        )


def report(poses: Mapping[str, PoseSequence], source: Path, target: Path) -> None:
    """Print a line for each clip of a file: length, kind, and what was seen; warn in the log where it is little.

    Raises NobodyFound if that is nothing, in all of the clips.
    """
    nobody = 0
    for name, pose in poses.items():
        where = f"{target}" if len(poses) == 1 else f"{target}#{name}"
        found = seen(pose, pose_stride(pose))
        kind = f"{len(pose)} frames, {pose.fps:g} fps, {pose.skeleton.name}, {pose.dims}D"
        print(printable(f"{where}: {kind}; {found.line()}"))
        if not found.anything:
            nobody += 1
        little = found.warning() if found.anything or len(poses) > 1 else None
        for warning in (little, turned_warning(pose), people_warning(pose)):
            if warning is not None:
                log.warning("%s: warning: %s", where, warning)
    if poses and nobody == len(poses):
        frames = sum(len(pose) for pose in poses.values())
        raise NobodyFound(f"{source}: nobody was found in any of its {frames} frames; {target} is written, empty")
