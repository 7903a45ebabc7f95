"""What the shards are made of: poses and videos of rendered clips, and what is to come out of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from skeletor.io.native import open_shard, write_pose
from slt.shards.engines import Ended, Engine, Job
from slt.shards.plan import Plan, write_plan
from slt.shards.run import results_of
from slt.shards.work import StageOptions
from slt.synthetic.build import CorpusConfig, make_clip, plan_corpus

Around = Callable[[Job, Path, int], None]  # see `experiments.scale.jobs`


@dataclass(frozen=True)
class Here:
    """The engine to compare with: one shard after the other in this process."""

    def run(self, job: Job, shards: Sequence[int]) -> Iterator[Ended]:
        """See `slt.shards.engines.Engine`."""
        for shard in shards:
            job(shard)
            yield Ended(shard)


@dataclass(frozen=True)
class Wrapped:
    """An engine whose jobs have another one around them."""

    engine: Engine
    around: Around
    marks: Path

    def run(self, job: Job, shards: Sequence[int]) -> Iterator[Ended]:
        """See `slt.shards.engines.Engine`."""
        return self.engine.run(partial(self.around, job, self.marks), shards)


def rendered_poses(count: int, folder: Path) -> list[Path]:
    """The true 2D of so many clips of the rendered signer, a file each; what is there is kept."""
    config = CorpusConfig(train=1, dev=1, test=max(2, count), negatives=0, studio=2)
    plans = [plan for plan in plan_corpus(config) if plan.part == "test"][:count]
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for plan in plans:
        path = folder / f"{plan.name}.safetensors"
        if not path.exists():
            write_pose(make_clip(plan, config, None)[1], path)
        paths.append(path)
    return paths


def tiny_poses(count: int, folder: Path, source: Path) -> list[Path]:
    """Many files of two frames each, of the frames of one clip."""
    (clip,) = open_shard(source).values()
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"tiny{k:05d}.safetensors" for k in range(count)]
    for k, path in enumerate(paths):
        if not path.exists():
            write_pose(clip.frames(k % (len(clip) - 2), k % (len(clip) - 2) + 2), path)
    return paths


def planned(folder: Path, stage: str, inputs: Sequence[Path], size: int) -> Plan:
    """A plan of a stage with its defaults."""
    return write_plan(folder, stage, StageOptions(device="cpu").model_dump(), inputs, size, lambda: "experiment")


def tree(plan: Plan) -> dict[str, bytes]:
    """All files below the results, whatever they are called."""
    root = plan.folder / "shards"
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def clips_of(plan: Plan) -> Counter[str]:
    """How often each clip is in the results, by the name of its file."""
    return Counter(name.split("#")[0] for path in results_of(plan) for name in open_shard(path))
