"""`python -m experiments harmless`: the refiner that comes with the package, and what it does to people left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.people.clips import People
from experiments.people.harmless.config import HarmlessExperiment
from experiments.people.harmless.holed import holed_lifts
from experiments.people.harmless.sources import read_sources
from experiments.people.shares.config import SharesConfig
from experiments.people.shares.errors import clip_errors
from experiments.people.shares.rows import holes_of
from experiments.people.shares.table import of_set
from experiments.report import Result, write_result
from experiments.request import Request
from skeletor.files.atomic import atomic_path, write_text
from skeletor.learning.fit_noise import fit_noise
from skeletor.learning.measured import MeasuredNoise
from skeletor.lifters.base import Lifter
from skeletor.lifters.registry import build_lifter
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.registry import build_refiner
from skeletor.refiners.smoothers.smooth import LinearOptions
from skeletor.refiners.trained import SHIPPED_NOISE, SkeletorOptions
from skeletor.refiners.training.job import with_noise
from skeletor.refiners.training.train import RefinerTrainResult, train_preset, train_refiner
from skeletor.support.errors import InputError

FPS = 25.0
ROW = "Skeletor, no harm"


def make(request: Request, config: HarmlessExperiment) -> None:
    """Lift, train with people left out and judge on these, train on all, write the weights and their noise."""
    sources = read_sources(config)
    lifter = build_lifter(config.lift)
    lifted = [lift(people, lifter, config) for people in sources]
    sections, numbers = [], {}
    for person, folder in config.left_out.items():
        kept = kept_clips(config, sources, person)
        result, _ = train(chosen(lifted, kept), config, config.left_out_steps, Path(folder))
        for people, keep in zip(sources, kept, strict=True):
            judged = people.take(np.flatnonzero(~keep)[:: config.every])
            section, found = of_set(*judge(judged, lifter, result.weights))
            sections.append(f"Without signer {person}\n\n{section}")
            numbers[f"{people.name}, without signer {person}"] = found
    everybody = [np.ones(len(people.poses), bool) for people in sources]
    result, noise = train(chosen(lifted, everybody), config, config.steps, request.work / "all")
    ship(result.weights, noise, Path(config.weights))
    numbers["noise"] = noise.model_dump()
    title = "The refiner that does no harm: people whom a training of the same recipe had not seen"
    write_result(Result(sections, numbers), request.results, request.name, title, request.about(config, config.seed))


def kept_clips(config: HarmlessExperiment, sources: tuple[People, People], person: str) -> list[np.ndarray]:
    """(N,) bool for each source: clips of others than the person, of the wheel all but every so-many-th language.

    InputError if there is no such person.
    """
    recordings, wheel = sources
    if person not in recordings.names:
        some = ", ".join(recordings.names[:5])
        raise InputError(f"left_out: nobody is called {person!r} in {config.recordings.file}; there are {some}")
    of_wheel: np.ndarray = wheel.people % config.held_out != 1
    return [np.asarray(recordings.people != recordings.names.index(person)), of_wheel]


@dataclass(frozen=True, eq=False)
class Lifts:
    """Lifts of whole clips, and of clips with something hidden: the number of the whole one, and the lift."""

    whole: list[PoseSequence]
    holed: list[tuple[int, PoseSequence]]


def lift(people: People, lifter: Lifter, config: HarmlessExperiment) -> Lifts:
    """The clips as they are, and `holed` times with something hidden in 2D."""
    whole = lifter.many(people.poses)
    return Lifts(whole, holed_lifts(people, whole, lifter, config.holed, config.seed))


def chosen(lifts: Sequence[Lifts], kept: Sequence[np.ndarray]) -> Lifts:
    """Some of the clips of each source; kept: (N,) bool for each."""
    whole: list[PoseSequence] = []
    holed: list[tuple[int, PoseSequence]] = []
    for of, keep in zip(lifts, kept, strict=True):
        place = len(whole) + np.cumsum(keep) - 1  # of each clip among those that are kept
        whole += [pose for pose, there in zip(of.whole, keep, strict=True) if there]
        holed += [(int(place[k]), pose) for k, pose in of.holed if keep[k]]
    return Lifts(whole, holed)


def train(lifts: Lifts, config: HarmlessExperiment, steps: int, out: Path) -> tuple[RefinerTrainResult, MeasuredNoise]:
    """Train the preset to give the whole lifts, from themselves and from those with something hidden.

    The noise is that of the whole ones. A finished training is kept.
    """
    noise = fit_noise([clip.resample(FPS) for clip in lifts.whole], FPS)
    share = 1.0 if lifts.holed else 0.0
    preset = train_preset("harmless", fps=FPS, max_steps=steps, batch_size=config.batch_size, degraded_share=share)
    words = f"{len(lifts.whole)} clips of {config.recordings.name} and of {Path(config.wheel).stem} (both MIT), real "
    words += f"people, MediaPipe, lifted by {config.lift.mode} {build_lifter(config.lift).version}"
    words += ", also with joints hidden before" if lifts.holed else ""
    clips = [*lifts.whole, *(lifts.whole[k] for k, _ in lifts.holed)]
    degraded = [*lifts.whole, *(pose for _, pose in lifts.holed)] if lifts.holed else None
    options = with_noise(preset, noise)
    return train_refiner(clips, options, out, config.seed, degraded=degraded, data=words, licence="MIT"), noise


def ship(weights: Path, noise: MeasuredNoise, to: Path) -> None:
    """Put the weights, and the noise that they were trained with, where the package has them."""
    with atomic_path(to) as temporary:
        temporary.write_bytes(weights.read_bytes())
    write_text(to.with_name(SHIPPED_NOISE.name), json.dumps(noise.model_dump(), indent=1) + "\n")


def judge(people: People, lifter: Lifter, weights: Path) -> tuple[SharesConfig, People, dict[str, Any]]:
    """What `of_set` takes: errors of a carried line and of the weights, on clips in which joints are hidden."""
    shares = SharesConfig(sets=[{"name": people.name, "file": ""}])  # type: ignore[list-item]
    refiners = {
        shares.base: build_refiner(LinearOptions()),
        ROW: build_refiner(SkeletorOptions(weights=str(weights), device="cpu")),
    }
    whole = lifter.many(people.poses)
    found: dict[str, dict[str, np.ndarray]] = {row: {} for row in refiners}
    for part, holes in holes_of(shares, people).items():
        holed = lifter.many([hole.pose for _, hole in holes])
        for row, refiner in refiners.items():
            repaired = refiner.many(holed)
            sums = [clip_errors(r, h, whole[k], hole) for r, h, (k, hole) in zip(repaired, holed, holes, strict=True)]
            found[row][part] = np.array(sums, float).reshape(-1, 4, 2)
    return shares, people, found
