"""One shard: its inputs in, one file of results and a marker out. It may run anywhere, any number of times.

A finished shard is skipped. One that was broken off begins anew, and ends with the same bytes. An input that cannot be
used is listed in the marker, and the others go on. One over which workers have ended (`slt.shards.trying`) is tried in
a process of its own: if that ends too (a crash, or no memory), it is listed; if not, whatever ended the workers was not
this input's fault.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from skeletor.files.atomic import write_text
from skeletor.files.stamp import Stamp, stamp
from skeletor.io.native import write_shard
from skeletor.poses.pose import PoseSequence, file_sha256
from skeletor.support.errors import printable
from skeletor.support.signals import Ended
from slt.shards.alone import Nobody, attempt, attempt_alone
from slt.shards.plan import Plan, read_plan
from slt.shards.trying import Trying
from slt.shards.work import POSE_STAGES, TEXT_STAGES, StageOptions, TextStage, nothing_in

Build = Callable[[], TextStage]  # can be pickled, and hashed by its value: what it builds is kept
MARKER = ".json"
# Of workers over one input: after so many it is tried alone, and after so many left out untried, since what is tried
# alone may end the whole machine.
_SUSPECT, _DEADLY = 2, 4


def run_shard(folder: Path, shard: int, build: Build | None = None) -> None:
    """Do one shard of the plan in `folder`, unless it is finished. InputError if nothing can be written there.

    build: of a stage that is not one of `slt.shards.work`. A record that it gives may tell the inputs that could not be
    used ("failed": a line) and the files that it wrote elsewhere ("written": sha256 by absolute path).
    """
    plan = read_plan(folder)
    if finished(plan, shard):
        return
    base, inputs = plan.result(shard), plan.inputs_of(shard)
    sources = _sources(inputs)  # before they are read: what changes meanwhile has changed
    base.parent.mkdir(parents=True, exist_ok=True)
    options = json.dumps(dict(plan.options), sort_keys=True)
    make = partial(_stage, plan.stage, options) if build is None else partial(_built, build)
    stage = make()
    trying = Trying(base)
    results: dict[str, Any] = {}
    failed: list[dict[str, str]] = []
    empty: list[dict[str, str]] = []
    with trying.watched():
        for number, path in enumerate(inputs):
            shown, died = printable(str(path)), trying.deaths.get(number, 0)
            if died >= _DEADLY:
                failed.append({"input": shown, "reason": f"{shown}: ended its worker {died} times; left out"})
                continue
            trying.over(number)
            found = attempt_alone(make, path) if died >= _SUSPECT else attempt(stage, path)
            if isinstance(found, str):
                if died >= _SUSPECT and trying.told_to_end:
                    raise Ended(signal.SIGTERM)  # as was the process of its own
                (empty if isinstance(found, Nobody) else failed).append({"input": shown, "reason": str(found)})
                continue
            for clip, value in found.items():
                results[_name(path, clip, results)] = value
                if plan.stage not in POSE_STAGES and value.get("failed"):
                    failed.append({"input": shown, "reason": value["failed"]})
            nothing = nothing_in(plan.stage, found)
            if nothing is not None:
                empty.append({"input": shown, "reason": f"{shown}: {nothing}"})
        _write(plan, shard, sources, results, failed, empty)
    trying.forget()


def finished(plan: Plan, shard: int) -> bool:
    """Whether a shard was done by this plan, from inputs that are still the same (by sizes and times), and is whole."""
    return finished_marker(plan, shard) is not None


def finished_marker(plan: Plan, shard: int) -> dict[str, Any] | None:
    """The marker of a shard that is `finished`, else None."""
    marker = read_marker(plan, shard)
    if marker is None or marker["key"] != plan.key or marker["sources"] != _sources(plan.inputs_of(shard)):
        return None
    files = {Path(path): digest for path, digest in marker.get("written", {}).items()}
    if marker["file"] is not None:
        files[plan.result(shard).parent / str(marker["file"])] = marker["sha256"]
    whole = all(file.is_file() and file_sha256(file) == digest for file, digest in files.items())
    return marker if whole else None


def forget_deaths(plan: Plan, shard: int) -> None:
    """What was broken off by a person, or with its whole machine, does not count against the input in work then."""
    Trying(plan.result(shard)).forget()


def read_marker(plan: Plan, shard: int) -> dict[str, Any] | None:
    """What a finished shard says of itself, None if there is none; a damaged one counts as none.

    key: of the plan. file, sha256: of the results, None without any. clips, frames: in it. failed: input and reason.
    sources: the `stamp` of each input. written: sha256 of files elsewhere; empty: inputs with nobody in them, or not
    translated, and the reason; each is left out if there are none.
    """
    try:
        marker = json.loads(plan.result(shard).with_suffix(MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    wanted = {"key", "file", "sha256", "clips", "frames", "failed", "sources"}
    whole = isinstance(marker, dict) and wanted <= set(marker) and isinstance(marker.get("written", {}), dict)
    return marker if whole else None


def _write(
    plan: Plan,
    shard: int,
    sources: list[Stamp | None],
    results: Mapping[str, Any],
    failed: list[dict[str, str]],
    empty: list[dict[str, str]],
) -> None:
    """The results, and when they lie under their name, the marker."""
    base = plan.result(shard)
    poses = plan.stage in POSE_STAGES
    target = base.with_suffix(".safetensors" if poses else ".jsonl")
    if not results:
        target.unlink(missing_ok=True)  # of an older plan
    elif poses:
        write_shard(results, target)
    else:
        write_text(target, "".join(_json({"clip": name} | r) + "\n" for name, r in results.items()))
    records = [] if poses else list(results.values())
    written = {path: digest for record in records for path, digest in record.get("written", {}).items()}
    marker = {
        "key": plan.key,
        "file": target.name if results else None,
        "sha256": file_sha256(target) if results else None,
        "clips": len(results) - sum(bool(record.get("failed")) for record in records),
        "frames": sum(len(r) for r in results.values()) if poses else None,
        "failed": failed,
        "sources": sources,
    } | {name: value for name, value in (("written", written), ("empty", empty)) if value}
    write_text(base.with_suffix(MARKER), _json(marker, 1) + "\n")


def _json(value: Any, indent: int | None = None) -> str:
    """As people can read it; bytes in a name that are no text stand as JSON's own escapes."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@lru_cache(maxsize=2)
def _built(build: Build) -> TextStage:
    """Kept, see `_stage`."""
    return build()


@lru_cache(maxsize=2)
def _stage(name: str, options: str) -> Any:
    """Kept between the shards of a worker: its models are loaded once."""
    values = StageOptions.model_validate(json.loads(options))
    return POSE_STAGES[name](values) if name in POSE_STAGES else TEXT_STAGES[name](values)


def _name(path: Path, clip: str, taken: Mapping[str, PoseSequence]) -> str:
    """A clip's name in the shard: its file's, or the file's and its own; numbered if two files have one name."""
    name = printable(f"{path.stem}#{clip}" if clip else path.stem)
    number, free = 1, name
    while free in taken:
        number, free = number + 1, f"{name}~{number + 1}"
    return free


def _sources(inputs: list[Path]) -> list[Stamp | None]:
    return [stamp(path) for path in inputs]
