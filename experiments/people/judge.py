"""The work on one row and one set: lift, repair, hide and repair, recognise. Each is a stage, kept until it changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from experiments.people.clips import People, read_people
from experiments.people.config import RealConfig, Recogniser, SetConfig, WayConfig
from experiments.people.losses import Hole, drop_outs, hidden_frames, hidden_hands
from experiments.people.repair import gap_errors, on_seen
from experiments.people.signs.recognise import recognise
from experiments.people.ways import digest_of, lifted, repaired
from skeletor.files.atomic import write_text
from skeletor.io.store import open_store, write_store
from skeletor.lifters.registry import LiftOptions, lift_weights
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, file_sha256
from slt.pipeline.cache.stage import Done, run_stage

PARTS = ("clean", "dropped", "hands", "frames")
READ = ("clean", "dropped")  # parts that recognisers read
FOUND = "found.json"


@dataclass(frozen=True, eq=False)
class Prepared:
    """A set with real losses put in. holes: "hands", "frames" -> numbers of clips, and what is hidden in them."""

    people: People
    dropped: list[PoseSequence]
    holes: dict[str, list[tuple[int, Hole]]]

    def part(self, name: str) -> list[PoseSequence]:
        """The 2D poses of one of `PARTS`."""
        if name == "clean":
            return self.people.poses
        return self.dropped if name == "dropped" else [hole.pose for _, hole in self.holes[name]]


def prepare(config: SetConfig, seed: int, repair_every: int) -> Prepared:
    """Read a set and put losses into it; the same for every row."""
    people = read_people(config)
    holes = {}
    for name, hide in (("hands", hidden_hands), ("frames", hidden_frames)):
        found = hide(people, seed)
        holes[name] = [(k, hole) for k, hole in enumerate(found) if hole is not None and k % repair_every == 0]
    return Prepared(people, drop_outs(people, seed), holes)


def lift_stage(config: SetConfig, lift: LiftOptions | None, seed: int, repair_every: int, folder: Path) -> Done:
    """All parts of a set in 3D by one lifter (None: 2D, in shoulder widths), kept in `folder`."""
    options = None if lift is None else lift.model_dump()
    weights = None if lift is None else lift_weights(lift)
    inputs = [file_sha256(config.file), "" if weights is None else file_sha256(weights)]
    values = {"set": config.model_dump(), "lift": options, "seed": seed, "every": repair_every}
    return run_stage(folder.name, folder, partial(lift_parts, config, lift, seed, repair_every), values, inputs)


def lift_parts(config: SetConfig, lift: LiftOptions | None, seed: int, repair_every: int, out: Path) -> None:
    """Lift every part of a set."""
    torch.set_num_threads(1)
    prepared = prepare(config, seed, repair_every)
    for name in PARTS:
        poses = lifted(lift, prepared.part(name))
        write_store(out / name, ((f"{k:05d}", pose) for k, pose in enumerate(poses)))


def repair_stage(config: RealConfig, of: SetConfig, way: WayConfig, lifts: Done, folder: Path) -> Done:
    """All that a row does with a set, and how far that is from its own lift, kept in `folder`."""
    values = {"set": of.model_dump(), "way": way.model_dump(exclude={"name"}), "seed": config.seed,
              "every": config.repair_every}  # fmt: skip
    work = partial(repair_parts, of, way, lifts.folder, config.seed, config.repair_every)
    return run_stage(f"{of.name}, {way.name}", folder, work, values, [lifts, *digest_of(way)])


def repair_parts(of: SetConfig, way: WayConfig, lifts: Path, seed: int, repair_every: int, out: Path) -> None:
    """Repair all parts of a set, measure; the parts that are read are kept."""
    torch.set_num_threads(1)
    prepared = prepare(of, seed, repair_every)
    stored = {name: _stored(lifts / name) for name in PARTS}
    results = {name: repaired(way, stored[name]) for name in PARTS}
    flats = [normalise(pose) for pose in prepared.people.poses]
    found: dict[str, Any] = {"seen": on_seen(results["clean"], stored["clean"], flats)}
    if way.lift is not None and way.unseen == "filled":
        for name in ("hands", "frames"):
            clips = [k for k, _ in prepared.holes[name]]
            found[name] = gap_errors(
                results[name], [stored["clean"][k] for k in clips], [hole for _, hole in prepared.holes[name]],
                prepared.people.people[clips],
            )  # fmt: skip
    for name in READ:
        write_store(out / name, ((f"{k:05d}", pose) for k, pose in enumerate(results[name])))
    write_text(out / FOUND, json.dumps(found))


def _stored(folder: Path) -> list[PoseSequence]:
    poses = open_store(folder)
    return [poses[name] for name in sorted(poses)]


def read_stage(
    config: RealConfig, of: SetConfig, recogniser: Recogniser, repairs: Done, name: str, folder: Path
) -> Done:
    """What a recogniser reads of a row, kept in `folder`."""
    own = {"folds", "own_epochs", "seeds"}
    shared = {"ridge": {"inputs", "bins", "penalties"}, "network": {"inputs", "folds", "epochs", "seeds"}}
    keys = shared.get(recogniser, own)
    values = {"set": of.model_dump(), "recogniser": recogniser, "options": config.model_dump(include=keys)}
    work = partial(read_parts, config, of, recogniser, repairs.folder)
    return run_stage(f"{of.name}, {name}, {recogniser}", folder, work, values, [repairs])


def read_parts(config: RealConfig, of: SetConfig, recogniser: Recogniser, repairs: Path, out: Path) -> None:
    """Train a recogniser on a row and write what it reads right."""
    torch.set_num_threads(1)
    clean, dropped = (_stored(repairs / name) for name in READ)
    write_text(out / FOUND, json.dumps(recognise(config, recogniser, read_people(of), clean, dropped)))


def judge(config: RealConfig, of: SetConfig, way: WayConfig, lifts: Done, folder: Path) -> dict[str, Any]:
    """What a row comes to on a set: "seen", "hands", "frames" (see `repair`) and "read" (see `recognise`)."""
    repairs = repair_stage(config, of, way, lifts, folder / "repaired")
    found: dict[str, Any] = json.loads((repairs.folder / FOUND).read_text(encoding="utf-8"))
    found["read"] = {}
    for recogniser in config.recognisers if of.label else ():
        done = read_stage(config, of, recogniser, repairs, way.name, folder / recogniser)
        found["read"] |= json.loads((done.folder / FOUND).read_text(encoding="utf-8"))
    return found
