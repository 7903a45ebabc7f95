"""What a command may leave behind: one line, no process, no half-written file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slt.pipeline.cache.files import FILES
from tests.hardening.children import Finished

_TEMPORARY = re.compile(r"\.tmp(\.|$)|^tmp")
# Times of day and durations are in these, and nowhere else.
CLOCKS = ("log.txt", "done.json", "report.md", "report.json", "training.json", "train.log", "README.md", "run.json")
_LOGS = (".jsonl", ".log")  # written line by line while the work goes on; and checkpoints
_PLACED = re.compile(
    r"plan\.json|inputs\.txt|offsets\.npy|\d{7}\.json"
)  # of `slt shards`: they say where the inputs lie
_TRACES = ("Traceback (most recent call last)", "unexpected ", "Fatal Python error", "terminate called")


def wrong_ending(done: Finished, *codes: int) -> str:
    """What is wrong with how a command ended, or "": another code, a traceback, more than a line, processes left."""
    if done.left:
        return f"left running: {', '.join(done.left)}"
    trace = next((text for text in _TRACES if text in done.err), None)
    if trace is not None:
        return f"{trace.strip()}: {_last(done.err)} (exit {done.code})"
    if done.code not in codes:
        return f"exit {done.code}, not {' or '.join(map(str, codes))}: {_last(done.err)}"
    return "" if done.code == 0 or done.err.strip() else f"exit {done.code} without a word"


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "(nothing said)"


def temporary_files(folder: Path) -> list[str]:
    """Files and folders under temporary names."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if _TEMPORARY.search(p.name))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file whose bytes have to be the same whenever the same work is done."""
    return {
        str(path.relative_to(folder)): _without_clocks(path.read_bytes()) if path.name == FILES else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _is_log(path) and not _TEMPORARY.search(path.name)
    }


def differing(folder: Path, expected: dict[str, bytes]) -> str:
    """Which files are not as they are after undisturbed work, or ""."""
    found = contents(folder)
    absent = [name for name in expected if name not in found]
    more = [name for name in found if name not in expected]
    other = [name for name in expected if name in found and found[name] != expected[name]]
    parts = [(absent, "missing"), (more, "too many"), (other, "with other bytes")]
    return "; ".join(f"{len(names)} files {what}: {', '.join(names[:3])}" for names, what in parts if names)


def lacking(folder: Path, expected: dict[str, bytes], steady: bool) -> str:
    """`differing`; of work that does not give the same bytes each time, whether its files are there and whole."""
    if steady:
        return differing(folder, expected)
    absent = [name for name in expected if not (folder / name).is_file()]
    return f"missing: {absent[0]}" if absent else partial_files(folder, expected)


def partial_files(folder: Path, expected: dict[str, bytes], inputs: frozenset[str] = frozenset()) -> str:
    """Which files under final names are not whole, or "". expected: what undisturbed work leaves."""
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if (
            not path.is_file()
            or name in inputs
            or any(_TEMPORARY.search(part) for part in path.relative_to(folder).parts)
        ):
            continue
        content = path.read_bytes()
        if expected.get(name) == content or path.suffix in _LOGS or path.name == "log.txt":
            continue
        problem = _broken(path, content)
        if problem:
            return f"partial file {name} ({len(content)} bytes): {problem}"
    return ""


def _without_clocks(content: bytes) -> bytes:
    """What a stage says of its own files (`FILES`), without the digests of those that tell times."""
    try:
        told = json.loads(content)
        files = {name: digest for name, digest in told["files"].items() if not _is_log(Path(name))}
    except (ValueError, TypeError, KeyError, AttributeError):
        return content  # `partial_files` says what it is
    return json.dumps(told | {"files": files}).encode()


def _is_log(path: Path) -> bool:
    if _PLACED.fullmatch(path.name):
        return True
    return path.name in CLOCKS or path.suffix in _LOGS or "checkpoint" in str(path) or path.suffix == ".lock"


def _broken(path: Path, content: bytes) -> str:
    """Why a file cannot be what its name says, or ""; whole files are readable."""
    checks: dict[str, Callable[[Path], Any]] = {
        ".json": lambda p: json.loads(p.read_text(encoding="utf-8")),
        ".safetensors": _open_tensors,
        ".pt": _open_torch,
        ".ckpt": _open_torch,
        ".mp4": _open_video,
        ".pose": _open_poses,
        ".npy": _open_array,
        ".vtt": _open_subtitles,
    }
    if path.suffix in (".lock", "") and not content:
        return ""
    if path.suffix not in checks:
        return "" if content else "empty"
    try:
        checks[path.suffix](path)
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
    return ""


def _open_tensors(path: Path) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        for name in file.keys():  # noqa: SIM118 - not a mapping
            file.get_tensor(name)


def _open_torch(path: Path) -> None:
    import torch

    torch.load(path, map_location="cpu", weights_only=True)


def _open_video(path: Path) -> None:
    from slt.video import open_video

    with open_video(path) as video:
        sum(1 for _ in video)


def _open_poses(path: Path) -> None:
    from skeletor.io.formats import read_poses

    dict(read_poses(path))


def _open_array(path: Path) -> None:
    import numpy as np

    np.load(path, allow_pickle=False)


def _open_subtitles(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if not text.startswith("WEBVTT\n") or not text.endswith("\n"):
        raise ValueError("cut")
