"""The work on one row and one set: hide, lift, repair, measure. Each is a stage, kept until it changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from experiments.people.clips import People, read_people
from experiments.people.config import SetConfig
from experiments.people.losses import Hole, hidden_frames, hidden_hands
from experiments.people.shares.config import SharesConfig
from experiments.people.shares.errors import clip_errors
from experiments.people.ways import OF_RUN
from skeletor.files.atomic import write_text
from skeletor.io.store import open_store, write_store
from skeletor.lifters.registry import build_lifter, lift_weights
from skeletor.poses.pose import PoseSequence, file_sha256
from skeletor.refiners.registry import REFINERS, RefineConfig, build_refiner
from skeletor.support.progress import log
from skeletor.support.registry import given_weights
from slt.pipeline.cache.stage import Done, run_stage

WHOLE, FOUND = "whole", "found.json"
Holes = list[tuple[int, Hole]]  # numbers of clips, and what is hidden in them


@dataclass(frozen=True)
class Row:
    """by_person: name of a person -> the refiner for his clips; "" -> that of all others."""

    name: str
    by_person: Mapping[str, RefineConfig]

    @property
    def files(self) -> list[str]:
        """Of weights."""
        return [w for one in self.by_person.values() if (w := given_weights(one)) is not None]


def rows_of(config: SharesConfig, of: SetConfig, run: Path) -> list[Row]:
    """The rows of a set. A row whose weights are not there is left out, with a warning."""
    trained = {label: str(run / folder / "refiner.safetensors") for label, folder in OF_RUN.items()}
    weights = {label: file for label, file in trained.items() if Path(file).is_file()} | config.refiners
    rows = [Row(name, {"": refine}) for name, refine in config.smoothers.items()]
    for name, file in weights.items():
        own = config.left_out.get(of.name, {}).get(name) or {"": file}
        gone = [one for one in own.values() if not Path(one).is_file()]
        if gone:
            log.warning("%s, %s: no file %s; the row is left out", of.name, name, gone[0])
            continue
        rows.append(Row(name, {person: _trained(one) for person, one in own.items()}))
    return rows


def _trained(weights: str) -> RefineConfig:
    return REFINERS.parse({"name": "skeletor", "weights": weights, "device": "cpu"})


def holes_of(config: SharesConfig, people: People) -> dict[str, Holes]:
    """What is hidden in the clips of a set, by part; the same for every row."""
    found = {}
    for part, between in config.parts.items():
        made = hidden_frames(people, config.seed) if between is None else hidden_hands(people, config.seed, between)
        found[part] = [(k, hole) for k, hole in enumerate(made) if hole is not None]
    return found


def lift_stage(config: SharesConfig, of: SetConfig, folder: Path) -> Done:
    """The whole clips and those with holes in 3D, kept in `folder`."""
    weights = lift_weights(config.lift)
    inputs = [file_sha256(of.file), "" if weights is None else file_sha256(weights)]
    values = {"set": of.model_dump(), **config.model_dump(include={"lift", "short", "long", "seed"})}
    return run_stage(folder.name, folder, partial(_lift, config, of), values, inputs)


def _lift(config: SharesConfig, of: SetConfig, out: Path) -> None:
    torch.set_num_threads(1)
    people, lifter = read_people(of), build_lifter(config.lift)
    parts = {part: [hole.pose for _, hole in holes] for part, holes in holes_of(config, people).items()}
    for name, poses in {WHOLE: people.poses, **parts}.items():
        write_store(out / name, ((f"{k:05d}", pose) for k, pose in enumerate(lifter.many(list(poses)))))


def row_stage(config: SharesConfig, of: SetConfig, row: Row, lifts: Done, folder: Path) -> dict[str, np.ndarray]:
    """Part -> (N, 4, 2) sums by clip with holes, of a row on a set; kept in `folder`."""
    values = {"set": of.model_dump(), "row": {who: one.model_dump() for who, one in row.by_person.items()},
              **config.model_dump(include={"short", "long", "seed"})}  # fmt: skip
    work = partial(_measure, config, of, row, lifts.folder)
    done = run_stage(f"{of.name}, {row.name}", folder, work, values, [lifts, *map(file_sha256, row.files)])
    found = json.loads((done.folder / FOUND).read_text(encoding="utf-8"))
    return {part: np.array(sums, float).reshape(-1, 4, 2) for part, sums in found.items()}


def _measure(config: SharesConfig, of: SetConfig, row: Row, lifts: Path, out: Path) -> None:
    torch.set_num_threads(1)
    people = read_people(of)
    whole = _stored(lifts / WHOLE)
    found = {}
    for part, holes in holes_of(config, people).items():
        holed = _stored(lifts / part)
        names = [people.names[people.people[k]] for k, _ in holes]
        results = repaired(row, holed, names)
        sums = [clip_errors(r, h, whole[k], hole) for r, h, (k, hole) in zip(results, holed, holes, strict=True)]
        found[part] = [one.tolist() for one in sums]
    write_text(out / FOUND, json.dumps(found))


def repaired(row: Row, poses: Sequence[PoseSequence], names: Sequence[str]) -> list[PoseSequence]:
    """Each pose by the refiner of the person who signs in it."""
    results = list(poses)
    keys = [name if name in row.by_person else "" for name in names]
    for key in sorted(set(keys)):
        if key not in row.by_person:
            raise ValueError(f"{row.name}: no refiner for some of the people")
        chosen = [k for k, one in enumerate(keys) if one == key]
        for k, pose in zip(chosen, build_refiner(row.by_person[key]).many([poses[k] for k in chosen]), strict=True):
            results[k] = pose
    return results


def _stored(folder: Path) -> list[PoseSequence]:
    poses = open_store(folder)
    return [poses[name] for name in sorted(poses)]
