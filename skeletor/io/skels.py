"""`.skels` text files of Progressive Transformers (B. Saunders et al., 2020): uplifted PHOENIX14T skeletons.

A line is a sequence; a frame is 50 x (x, y, z) and a counter t/T, all separated by spaces; 25 fps. Each frame is
centred on the neck and divided by three times the 2D shoulder distance. Their left is OpenPose's right (joint 2,
the right shoulder's place, lies on the picture's right side), so joints are exchanged here. Missing joints cannot
be written; a frame of zeros is a missing frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from skeletor.files.atomic import write_text
from skeletor.files.outside import existing_file, reading
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

WHAT = ".skels file"
FPS = 25.0
_SCALE = 3.0
_WIDTH = 3 * len(SIGNING_50) + 1
_ROUNDED = 1.01e-4  # the counter is written with four decimals


def read_poses(path: Path | str, names: Path | str | None = None) -> dict[str, PoseSequence]:
    """All sequences of a `.skels` file by name, (T, 50, 3) in shoulder widths, confidence 1.

    names: a text file with a name per line; by default the `.files` beside it, else "<stem>_<line>".
    Raises InputError for a wrong number of values, and for a counter that is none or ends too early (a cut line).
    """
    path = existing_file(Path(path), WHAT)
    with reading(path, WHAT):
        count, last = _count(path)
        if not count:
            raise InputError("is empty")
        labels = _names(path, Path(names) if names else None, count)
        if len(last.split()) == _WIDTH and not last.endswith("\n"):
            raise InputError(
                "ends within a line of one frame, whose counter cannot tell if more should follow: truncated"
            )
        digest = file_sha256(path)
        poses: dict[str, PoseSequence] = {}
        for number, (label, line) in enumerate(zip(labels, _lines(path), strict=True), start=1):
            provenance = Provenance(label, digest, estimator="openpose+uplift", units="shoulder")
            poses[label] = _parse(line, number, provenance)
    return poses


def _lines(path: Path) -> Iterator[str]:
    """Lines with something on them, one after the other: the whole text would be several times the poses."""
    with path.open(encoding="utf-8-sig") as file:
        yield from (line for line in file if line.strip())


def _count(path: Path) -> tuple[int, str]:
    """How many lines there are, and the last one."""
    count, last = 0, ""
    for count, last in enumerate(_lines(path), start=1):  # noqa: B007 - both are given back
        pass
    return count, last


def write_poses(poses: Mapping[str, PoseSequence], path: Path | str) -> None:
    """Write sequences to a `.skels` file, and their names to the `.files` beside it.

    3D poses of 50 joints in any unit (each is normalised first, if its unit is not shoulder widths). Missing frames
    become zeros. InputError if a single joint is missing, the frame rate is not 25, or a name is not one line.
    """
    for name in poses:
        if not name or name != name.strip() or not name.isprintable():
            raise InputError(f"{path}: clip {name!r} has a name that cannot stand on a line of its own; rename it")
    lines = "".join(_format(pose, f"{path}: clip {name!r}") for name, pose in poses.items())
    if not lines:
        raise InputError(f"{path}: there are no clips to write")
    names = Path(path).with_suffix(".files")
    if names.exists() and not any(Path(path).with_suffix(kind).exists() for kind in (".skels", ".SKELS")):
        raise InputError(f"{names}: is there without its {WHAT}, and would be overwritten; choose another name")
    write_text(path, lines)
    write_text(names, "".join(f"{name}\n" for name in poses))


def write_pose(pose: PoseSequence, path: Path | str) -> None:
    """Write a single 3D pose (T, 50, 3), named after its source. Raises InputError as `write_poses` does."""
    write_poses({pose.provenance.source or Path(path).stem: pose}, path)


def read_all(path: Path, fps: float | None) -> Mapping[str, PoseSequence]:
    """All sequences by name, (T, 50, 3) in shoulder widths. fps: the rate to give them instead of 25 frames per second.

    Raises InputError as `read_poses` does.
    """
    return {name: pose if fps is None else pose.replace(fps=fps) for name, pose in read_poses(path).items()}


def _parse(line: str, number: int, provenance: Provenance) -> PoseSequence:
    values = np.array(line.split(), np.float64)
    if values.size % _WIDTH:
        raise InputError(f"line {number} has {values.size} values, expected a multiple of {_WIDTH} (truncated?)")
    frames = values.reshape(-1, _WIDTH)
    _check_counter(frames[:, -1], number)
    points = frames[:, :-1].reshape(len(frames), -1, 3)[:, SIGNING_50.mirror] * _SCALE  # (T, 50, 3)
    gone = (points == 0).all(axis=(1, 2))  # (T,)
    points[gone] = np.nan
    confidence = np.broadcast_to(~gone[:, None], points.shape[:2])
    return PoseSequence(points, confidence.astype(np.float32), FPS, SIGNING_50, provenance)


def _check_counter(counter: np.ndarray, number: int) -> None:
    """InputError unless the last value of each frame counts t/T, as the real files do, t/(T-1), or (t+1)/T."""
    length = len(counter)
    steps = [np.arange(length) / count for count in (length, length - 1) if count]
    steps.append(np.arange(1, length + 1) / length)
    if any(np.allclose(counter, step, rtol=0, atol=_ROUNDED) for step in steps):
        return
    rises = (np.diff(counter) > -1e-9).all() and abs(counter[0]) < 1e-3 and counter[-1] <= 1 + 1e-3
    if not rises:  # NaN too
        raise InputError(f"line {number}: the last of each {_WIDTH} values is not a counter from 0 to 1")
    jump = int(np.argmax(np.diff(counter, append=1)))
    if counter[-1] < (length - 1) / length - 1e-4 and jump == length - 1:
        raise InputError(f"line {number} ends early, at {counter[-1]:.2%} of its sequence: the file is truncated")
    raise InputError(
        f"line {number}: the counter of its {length} frames does not rise evenly, see frame {jump}: frames are "
        "missing, or twice there"
    )


def _format(pose: PoseSequence, where: str) -> str:
    if pose.skeleton != SIGNING_50 or pose.dims != 3:
        raise InputError(
            f"{where}: a {WHAT} holds 3D poses of {SIGNING_50.name}, not {pose.dims}D {pose.skeleton.name}"
        )
    if pose.fps != FPS:
        raise InputError(f"{where}: a {WHAT} has {FPS:g} frames per second, not {pose.fps:g}; resample first")
    gone = pose.missing
    whole = gone.all(1)
    partial = np.flatnonzero(gone.any(1) & ~whole)
    if len(partial):
        raise InputError(
            f"{where}: a joint is missing in frame {partial[0]}, which a {WHAT} cannot say; "
            "refine first (a hand out of the picture: `slt lift --absent filled`), or take .safetensors"
        )
    if len(pose) == 0 or whole.all():
        raise InputError(f"{where}: there is nothing to write")
    if pose.provenance.units != "shoulder":
        pose = normalise(pose)
    points = np.nan_to_num(pose.keypoints[:, SIGNING_50.mirror]) / _SCALE  # (T, 50, 3)
    flat = points.reshape(len(pose), -1)
    rows = (" ".join(f"{v:.5f}" for v in row) + f" {t / len(pose):.4f}" for t, row in enumerate(flat))
    return " ".join(rows) + "\n"


def _names(path: Path, names: Path | None, count: int) -> list[str]:
    """A name for each line."""
    beside = names or path.with_suffix(".files")
    if names is None and not beside.exists():
        return [path.stem] if count == 1 else [f"{path.stem}_{k}" for k in range(count)]
    with reading(beside, "list of names"):
        labels = [
            line.strip() for line in existing_file(beside, "list of names").read_text(encoding="utf-8-sig").split("\n")
        ]
        labels = [label for label in labels if label]
    if len(labels) != count or len(set(labels)) != count:
        raise InputError(
            f"{beside}: {len(labels)} names ({len(set(labels))} different) for {count} sequences in {path}"
        )
    return labels
