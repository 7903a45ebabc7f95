"""`slt corpus render`: a corpus of a rendered signer in PHOENIX14T's layout, with its truth beside it.

Parts:
- `train`: every training sentence as motion; the first `calibration` of them also as broadcast video.
- `dev`, `test`: always broadcast video.
- `studio`: other performances of training sentences, as studio video: what the refiner learns from.
- `studio_motion`: more of the same without video.
- `negatives`: people who do not sign, or sign what is not in the lexicon, as broadcast video: only ever
  used to report how often the translator abstains.
Each clip depends on nothing but the seed, its part and its number, so a killed run ends with the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from pydantic import Field

from skeletor.io import native
from skeletor.io.store import open_store
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.support.config import Config
from skeletor.support.progress import progress
from skeletor.support.workers import worker_pool
from slt.data import layout
from slt.synthetic.language.grammar import Sentence, make_splits
from slt.synthetic.picture.camera import random_camera
from slt.synthetic.picture.look import dress, random_look
from slt.synthetic.picture.render import QUALITIES, render_frames
from slt.synthetic.signing.motion import perform, perform_idle, perform_unknown
from slt.synthetic.signing.signers import SIGNERS, Signer, split_signers
from slt.video import write_video

PARTS = ("train", "dev", "test", "studio", "studio_motion", "negatives")
# Clips per task: few where a clip means rendering, so that all workers end at about the same time.
_CHUNK_PIXELS, _CHUNK_MOTION = 4, 128


class CorpusConfig(Config):
    """What `slt corpus render` makes. Numbers are clips."""

    train: int = Field(3000, ge=1)
    dev: int = Field(60, ge=1)
    test: int = Field(100, ge=1)
    calibration: int = Field(30, ge=2, description="training clips that are also rendered as broadcast video")
    studio: int = Field(60, ge=2)
    studio_motion: int = Field(500, ge=0)
    negatives: int = Field(12, ge=0)
    signers_disjoint: bool = False
    fps: float = Field(25.0, ge=1, le=240)
    seed: int = Field(1, ge=0)


@dataclass(frozen=True)
class Shot:
    """One clip to make: the `index`-th of `part`, by whom, and how it is filmed (if `pixels`)."""

    name: str
    part: str
    index: int
    signer: Signer
    quality: str
    pixels: bool


P = TypeVar("P", bound=Shot)
S = TypeVar("S", bound=Shot, contravariant=True)


@dataclass(frozen=True)
class Plan(Shot):
    """A clip of the grammar's corpus; `sentence` is None for a negative."""

    sentence: Sentence | None


def plan_corpus(config: CorpusConfig) -> list[Plan]:
    """All clips of a corpus, in order of part and number. Deterministic by `config.seed`."""
    splits = make_splits(config.train, config.dev, config.test, config.seed)
    signers = split_signers(config.signers_disjoint)
    rng = np.random.default_rng([config.seed, 0xC0])
    plans: list[Plan] = []

    def add(part: str, index: int, sentence: Sentence | None, quality: str, pixels: bool) -> None:
        pool = signers[part if part in signers else "test" if part == "negatives" else "train"]
        signer = pool[int(rng.integers(len(pool)))]
        plans.append(Plan(f"{part}-{index:05d}", part, index, signer, quality, pixels, sentence))

    for part in layout.SPLITS:
        for k, sentence in enumerate(splits[part]):
            add(part, k, sentence, "broadcast", part != "train" or k < config.calibration)
    for part, count in (("studio", config.studio), ("studio_motion", config.studio_motion)):
        for k in range(count):
            sentence = splits["train"][int(rng.integers(len(splits["train"])))]
            add(part, k, sentence, "studio", part == "studio")
    for k in range(config.negatives):
        add("negatives", k, None, "broadcast", True)
    return plans


def render_corpus(config: CorpusConfig, root: Path, workers: int = 2) -> layout.Corpus:
    """Make the corpus in `root`; clips that are already there are kept. Deterministic by `config.seed`.

    workers: processes. Raises InputError if a file cannot be written.
    """
    plans = plan_corpus(config)
    write_clips(plans, partial(make_clip, config=config), root, workers)
    for split in layout.SPLITS:
        clips = [_annotated(plan, root) for plan in plans if plan.part == split]
        layout.write_annotation(root, split, clips)
    layout.write_description(
        root, layout.Description("rendered", config.fps, 1.0, "Apache-2.0 (rendered, no person shown)", config.seed)
    )
    return layout.read_corpus(root)


class Maker(Protocol[S]):
    """Makes a clip: its truth in 3D and in 2D; and writes its video if a root is given. Must be picklable."""

    def __call__(self, plan: S, *, root: Path | None) -> tuple[PoseSequence, PoseSequence]: ...


def write_clips(plans: Sequence[P], make: Maker[P], root: Path, workers: int) -> None:
    """Make all clips, in worker processes: truth in shards, and videos. Shards that are there already are kept.

    make: gives (truth (T, 50, 3) in metres, truth (T, 50, 2) in pixels) of a plan. workers: processes.
    """
    with worker_pool(workers) as pool:
        for part in PARTS:
            chunks = _chunks([p for p in plans if p.part == part])
            done = pool.map(partial(_make_chunk, make=make, root=root), chunks)
            for _ in progress(done, f"render {part}", total=len(chunks), unit="chunk"):
                pass


def open_truth(root: Path, part: str, planar: bool = False) -> Mapping[str, PoseSequence]:
    """The truth of a part: 3D in metres in camera axes, or (`planar`) 2D in pixels."""
    return open_store(root / ("truth2d" if planar else "truth") / part)


def video_path(root: Path, part: str, name: str) -> Path:
    """The file of a clip's video under a corpus's root."""
    return layout.features_path(root, part) / f"{name}.mp4"


def make_clip(plan: Plan, config: CorpusConfig, root: Path | None) -> tuple[PoseSequence, PoseSequence]:
    """(truth in camera axes (T, 50, 3) metres, truth in the picture (T, 50, 2) pixels) of one clip.

    Writes the video too if `root` is given and the plan asks for pixels.
    """
    rng = clip_rng(plan, config.seed)
    return film(plan, _motion(plan, rng, config.fps), config.seed, rng, root)


def clip_rng(plan: Shot, seed: int) -> np.random.Generator:
    """The generator of one clip's random numbers; its motion draws first."""
    return np.random.default_rng([seed, PARTS.index(plan.part), plan.index])


def film(
    plan: Shot, pose: PoseSequence, seed: int, rng: np.random.Generator, root: Path | None
) -> tuple[PoseSequence, PoseSequence]:
    """A clip of a given motion (T, 50, 3); result and `root` as in `make_clip`."""
    quality = QUALITIES[plan.quality]
    camera = random_camera(quality, rng, pose)
    person = random_look(np.random.default_rng([seed, SIGNERS.index(plan.signer)]))
    look = dress(person, rng)
    provenance = Provenance(
        source=plan.name,
        image_size=(camera.width, camera.height),
        units="metre",
        stages=(StageRecord("perform", config={"signer": plan.signer.name, "seed": seed}),),
    )
    truth = PoseSequence(camera.view(pose.keypoints), pose.confidence, pose.fps, pose.skeleton, provenance)
    planar = PoseSequence(camera.project(pose.keypoints), pose.confidence, pose.fps, pose.skeleton, provenance).replace(
        units="pixel"
    )
    if root is not None and plan.pixels:
        path = video_path(root, plan.part, plan.name)
        if not path.exists():
            write_video(path, render_frames(pose, look, camera, quality, rng), pose.fps, crf=quality.crf)
    return truth, planar


def _motion(plan: Plan, rng: np.random.Generator, fps: float) -> PoseSequence:
    if plan.sentence is not None:
        return perform(plan.sentence.glosses, plan.signer, rng, fps).pose
    if signs_unknown(plan.name):
        return perform_unknown(plan.signer, rng, 5, fps).pose
    return perform_idle(plan.signer, rng, 3.0, fps).pose


def signs_unknown(negative: str) -> bool:
    """Whether the person of a clip of `negatives` signs, but nothing in the lexicon; all others are idle."""
    return int(negative.rsplit("-", 1)[1]) % 2 == 1


def _make_chunk(plans: list[P], make: Maker[P], root: Path) -> int:
    first = plans[0]
    file = f"{first.index:05d}.safetensors"
    solid, planar = root / "truth" / first.part / file, root / "truth2d" / first.part / file
    if solid.exists() and planar.exists():
        return 0
    pairs = {plan.name: make(plan, root=root) for plan in plans}
    native.write_shard({name: pair[0] for name, pair in pairs.items()}, solid)
    native.write_shard({name: pair[1] for name, pair in pairs.items()}, planar)
    return len(pairs)


def _chunks(plans: list[P]) -> list[list[P]]:
    result: list[list[P]] = []
    for pixels, size in ((True, _CHUNK_PIXELS), (False, _CHUNK_MOTION)):
        own = [plan for plan in plans if plan.pixels == pixels]
        result += [own[k : k + size] for k in range(0, len(own), size)]
    return result


def _annotated(plan: Plan, root: Path) -> layout.Clip:
    assert plan.sentence is not None
    source = video_path(root, plan.part, plan.name) if plan.pixels else None
    return layout.Clip(plan.name, plan.part, source, plan.signer.name, plan.sentence.glosses, plan.sentence.text)


def content_words(config: CorpusConfig) -> Iterable[tuple[str, tuple[str, ...]]]:
    """(clip name, content words of its sentence) for all clips of dev and test."""
    for plan in plan_corpus(config):
        if plan.part in ("dev", "test") and plan.sentence is not None:
            yield plan.name, plan.sentence.content
