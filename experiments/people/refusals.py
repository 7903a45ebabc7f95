"""`python -m experiments abstention_people`: how often a model of rendered signs refuses real people, and why.

Every clip is translated from its 2D poses, as `slt translate` does with a file of poses. A refusal names one signal,
the one that is furthest beyond its limit; others may be beyond theirs as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from experiments.pages import fill
from experiments.people.clips import People, read_people
from experiments.people.config import SetConfig
from experiments.report import Result, markdown, write_result
from experiments.request import RESULTS, Request
from skeletor.poses.key_frames import STRIDE
from skeletor.poses.pose import file_sha256
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import log, progress
from slt.inference.chain import Chain, load_chain, shipped_model
from slt.translate.abstain import Abstention
from slt.translate.signals import LENGTH, SIGNALS, signer_signals

NAME = "abstention_people"
MODEL = "model"  # a run's model folder
UNKNOWN = "no number"  # a signal that cannot be judged is a reason, too
TITLE = "Real people before a model of rendered signs: refused, and why"


class RefusalsConfig(Config):
    """sets: recordings of people. every: of the clips of each set, one in so many, beside its own `every`."""

    sets: list[SetConfig] = Field(min_length=1)
    every: int = Field(1, ge=1)


@dataclass(frozen=True)
class Clip:
    """What became of one clip. text: None if it was refused. named: the signal of the refusal. beyond: all signals
    beyond their limits, of those measured. whole: whether all were; without a signer only `body` and `hands` are.
    """

    person: str
    text: str | None
    named: str | None
    beyond: tuple[str, ...]
    whole: bool


def make(request: Request, config: RefusalsConfig) -> None:
    """Translate, count, write. Sets whose files are not there are left out; InputError if none is, or no model."""
    folder = shipped_model() if request.run is None else request.run / MODEL
    if folder is None:
        raise InputError("no model comes with this copy of slt; give --run DIR, the folder of a finished run")
    sets = [one.model_copy(update={"every": one.every * config.every}) for one in config.sets if _there(one)]
    if not sets:
        raise InputError("no recordings of real people: sets names their files, none is there")
    chain = load_chain(folder, device="cpu")
    found = {one.name: judged(chain, read_people(one)) for one in sets}
    numbers: dict[str, Any] = {
        "model": {"of": "the package" if request.run is None else str(request.run),
                  "sha256": file_sha256(folder / "model.yaml"), "limits": dict(chain.model.abstention.thresholds)},
        "sets": {name: counts(clips) for name, clips in found.items()},
    }  # fmt: skip
    section = table_of(numbers["sets"])
    about = request.about(config, None)
    write_result(Result([section], numbers), request.results, request.name, TITLE, about)
    if request.results == RESULTS and request.name == NAME:
        link = f"[{RESULTS}/{NAME}.md]({RESULTS}/{NAME}.md)"
        fill(f"table {NAME}", f"{section}\nMade by `{request.command}`. The whole result: {link}.")


def judged(chain: Chain, people: People) -> list[Clip]:
    """Every clip of a set, translated."""
    clips = []
    for pose, person in zip(progress(people.poses, people.name, unit="clip"), people.people, strict=True):
        found = chain.translate_poses(pose, people.name)
        signals = found.signals or signer_signals(pose)
        beyond = beyond_limits(chain.model.abstention, signals)
        named = None if found.reason is None else named_signal(found.reason)
        clips.append(Clip(people.names[person], found.text, named, beyond, bool(found.signals)))
    return clips


def named_signal(reason: str) -> str:
    """The signal that a refusal names, told by its message; `UNKNOWN` if one could not be judged."""
    for name, signal in SIGNALS.items():
        if reason.startswith(signal.message.split("{")[0]):
            return name
    return UNKNOWN


def beyond_limits(abstention: Abstention, signals: Mapping[str, float]) -> tuple[str, ...]:
    """The signals that are beyond their limits; those that are no number count as beyond."""
    limits = abstention.at(int(signals.get(STRIDE, abstention.stride))).thresholds
    return tuple(
        name
        for name, signal in SIGNALS.items()
        if name in signals and not signal.sign * (signals[name] - limits[name]) <= 0
    )


def counts(clips: list[Clip]) -> dict[str, Any]:
    """Clips, refusals, refusals that the clip's length does not decide, and signals named and beyond their limits."""
    refused = [one for one in clips if one.named is not None]
    return {
        "clips": len(clips), "people": len({one.person for one in clips}), "refused": len(refused),
        "refused without length": sum(bool(set(one.beyond) - set(LENGTH)) for one in refused),
        "named": _counted(one.named for one in refused if one.named is not None),
        "beyond": _counted(name for one in clips for name in one.beyond),
        "measured whole": sum(one.whole for one in clips),
        "sentences": [{"person": one.person, "text": one.text} for one in clips if one.named is None],
    }  # fmt: skip


def _counted(names: Iterable[str]) -> dict[str, int]:
    """Signal -> how often, in the order of `SIGNALS`."""
    found = Counter(names)
    return {name: found[name] for name in (*SIGNALS, UNKNOWN) if found[name]}


def table_of(sets: Mapping[str, Mapping[str, Any]]) -> str:
    """The table: a row for each set, a column for each signal that was beyond its limit."""
    shown = [name for name in (*SIGNALS, UNKNOWN) if any(name in (*s["beyond"], *s["named"]) for s in sets.values())]
    body = [
        [f"{name} ({one['people']} signers)", str(one["clips"]), str(one["refused"]),
         str(one["refused without length"]), str(one["measured whole"]),
         *(f"{one['named'].get(signal, 0)} ({one['beyond'].get(signal, 0)})" for signal in shown)]
        for name, one in sets.items()
    ]  # fmt: skip
    head = ["recordings", "clips", "refused", "length aside", "measured whole", *(f"`{name}`" for name in shown)]
    note = (
        "By signal: on how many clips the refusal names it, and in brackets on how many it is beyond its limit. "
        "Length aside: refused even if a clip could be of any length. Measured whole: the others have no signer by "
        "`body` or `hands`, and nothing else is measured of them."
    )
    return markdown("Clips of real people", head, body, note)


def _there(one: SetConfig) -> bool:
    if Path(one.file).is_file():
        return True
    log.warning("%s: no file %s; left out", one.name, one.file)
    return False
