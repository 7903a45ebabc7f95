"""`slt corpus resynth`: PHOENIX14T's real sentences, glosses, timing and hand shapes, signed by our rendered signer.

The parts are those of `build`, but:
- `train`, `dev`, `test`: the annotation's clips under their own names, with their own number of frames at 25 fps and
  their own text; motion for all of them. Broadcast video for `calibration` training clips (or a share of them, if that
  is more) and for `sample` clips of dev and of test.
- `studio`, `studio_motion`: other performances of training clips by other signers.
What is real and what is invented: docs/resynth.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import Field

from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from slt.data import layout
from slt.data.alignments import Alignment, durations, plan_signs, read_alignments
from slt.synthetic.build import Shot, clip_rng, film, signs_unknown, write_clips
from slt.synthetic.signing.motion import perform_idle, perform_unknown
from slt.synthetic.signing.resynth_lexicon import CLASSES, Entry, ResynthLexicon, frame_shapes, make_lexicon
from slt.synthetic.signing.signers import SIGNERS, Signer
from slt.synthetic.signing.timed import Timed, perform_timed

FPS = 25.0
LICENCE = "CC BY-NC-SA (sentences, glosses and alignments: RWTH-PHOENIX-Weather 2014T; no person shown)"


class ResynthConfig(Config):
    """What `slt corpus resynth` makes. Numbers are clips."""

    annotation: str | None = Field(None, description="a PHOENIX14T folder or its annotation's; --corpus goes before it")
    calibration: int = Field(60, ge=2, description="training clips that are also rendered as broadcast video")
    pixels: float = Field(0.0, ge=0, le=1, description="share of the training clips that are, if that is more")
    sample: int = Field(20, ge=1, description="clips of dev and of test that are, to compare detections")
    studio: int = Field(60, ge=2)
    studio_motion: int = Field(500, ge=0)
    negatives: int = Field(12, ge=0)
    limit: int | None = Field(None, ge=1, description="most clips of each split, for trials")
    seed: int = Field(1, ge=0)


@dataclass(frozen=True)
class Move:
    """One sign of a clip, or a pause (entry None). hands: the frames' hand-shape classes, as bytes."""

    gloss: str
    entry: Entry | None
    hands: bytes


@dataclass(frozen=True)
class TimedShot(Shot):
    """A clip to make; no moves for a negative."""

    moves: tuple[Move, ...]


@dataclass(frozen=True, eq=False)
class Source:
    """What is read of the annotation: clips by split, alignments by split and name."""

    clips: Mapping[str, list[layout.Clip]]
    alignments: Mapping[str, Mapping[str, Alignment]]


def read_source(folder: Path | str) -> Source:
    """Read annotation and alignments. Raises InputError, one line, if anything is absent, unreadable or left over."""
    place = layout.locate(folder)
    clips, alignments = {}, {}
    for split in layout.SPLITS:
        path = place.annotations / layout.annotation_path(place.root, split).name
        clips[split], faults = layout.read_annotation(path, split, None)
        if faults:
            raise InputError(f"{path}: {faults[0]}")
        alignments[split] = read_alignments(place.annotations, split)
        for clip in clips[split]:
            if clip.name not in alignments[split]:
                raise InputError(f"{path}: {clip.name} has no frame alignment in {place.annotations}")
            if not 0 <= alignments[split][clip.name].hands.min() <= alignments[split][clip.name].hands.max() <= CLASSES:
                raise InputError(f"{place.annotations}: {clip.name}: a hand-shape class is not within 0 to {CLASSES}")
    if not clips["train"]:
        raise InputError(f"{place.annotations}: no training clip")
    return Source(clips, alignments)


def source_hash(folder: Path | str) -> str:
    """SHA-256, as hex, of all files that `read_source` reads. Raises InputError if one cannot be read."""
    place = layout.locate(folder)
    digest = hashlib.sha256()
    for split in layout.SPLITS:
        for name in (f"PHOENIX-2014-T.{split}.corpus.csv", f"PHOENIX-2014-T.{split}.frames_alignments.tsv",
                     f"gloss_segments.{split}.tsv"):  # fmt: skip
            try:
                digest.update((place.annotations / name).read_bytes())
            except OSError as error:
                raise InputError(f"{place.annotations / name}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def lexicon_of(source: Source, seed: int) -> ResynthLexicon:
    """The lexicon for every gloss that occurs in annotation or alignments of any split; deterministic by `seed`."""
    glosses = {g for clips in source.clips.values() for clip in clips for g in clip.glosses}
    glosses |= {s.gloss for clips in source.alignments.values() for a in clips.values() for s in a.spans}
    return make_lexicon(glosses - {""}, list(source.alignments["train"].values()), seed)


def cast(source: Source) -> dict[str, Signer]:
    """Which of our signers stands for each real speaker, in order of name; right-handed signers are taken first."""
    speakers = sorted({clip.speaker for clips in source.clips.values() for clip in clips})
    signers = sorted(SIGNERS, key=lambda s: s.left_handed)
    return {speaker: signers[k % len(signers)] for k, speaker in enumerate(speakers)}


def plan_resynth(config: ResynthConfig, source: Source, lexicon: ResynthLexicon) -> list[TimedShot]:
    """All clips, in order of part and number. A clip does not depend on `limit`, but which have pixels does."""
    signers, lengths = cast(source), durations(source.alignments["train"])
    rng = np.random.default_rng([config.seed, 0x9E])
    shots: list[TimedShot] = []
    for number, split in enumerate(layout.SPLITS):
        clips = source.clips[split][: config.limit]
        count = max(config.calibration, round(config.pixels * len(clips))) if split == "train" else config.sample
        drawn = set(rng.permutation(len(clips))[:count].tolist())
        for k, clip in enumerate(clips):
            own = np.random.default_rng([config.seed, 0x51, number, k])
            moves = _moves(clip, source.alignments[split][clip.name], lengths, lexicon, own)
            shots.append(TimedShot(clip.name, split, k, signers[clip.speaker], "broadcast", k in drawn, moves))
    train = [shot for shot in shots if shot.part == "train"]
    for part, count in (("studio", config.studio), ("studio_motion", config.studio_motion)):
        for k in range(count):
            shot = train[int(rng.integers(len(train)))]
            others = [s for s in SIGNERS if s != shot.signer]
            signer = others[int(rng.integers(len(others)))]
            shots.append(TimedShot(f"{part}-{k:05d}", part, k, signer, "studio", part == "studio", shot.moves))
    for k in range(config.negatives):
        signer = SIGNERS[int(rng.integers(len(SIGNERS)))]
        shots.append(TimedShot(f"negatives-{k:05d}", "negatives", k, signer, "broadcast", True, ()))
    return shots


def resynthesise(config: ResynthConfig, folder: Path | str, root: Path, workers: int = 2) -> layout.Corpus:
    """Make the corpus in `root` from the annotation in `folder`; clips that are already there are kept.

    Deterministic by `config.seed` and the annotation, whatever the number of workers. Raises InputError as
    `read_source`.
    """
    source = read_source(folder)
    lexicon = lexicon_of(source, config.seed)
    shots = plan_resynth(config, source, lexicon)
    write_clips(shots, partial(make_shot, lexicon=lexicon, seed=config.seed), root, workers)
    for split in layout.SPLITS:
        names = {shot.name for shot in shots if shot.part == split}
        layout.write_annotation(root, split, (clip for clip in source.clips[split] if clip.name in names))
    layout.write_description(root, layout.Description("resynthesised", FPS, 1.0, LICENCE, config.seed))
    return layout.read_corpus(root)


def make_shot(
    plan: TimedShot, lexicon: ResynthLexicon, seed: int, root: Path | None
) -> tuple[PoseSequence, PoseSequence]:
    """(truth in camera axes (T, 50, 3) metres, truth in the picture (T, 50, 2) pixels) of one clip.

    Writes the video too if `root` is given and the plan asks for pixels.
    """
    rng = clip_rng(plan, seed)
    if plan.moves:
        pose = perform_timed([_timed(move, lexicon.ranks) for move in plan.moves], plan.signer, rng, FPS).pose
    elif signs_unknown(plan.name):
        known = [entry.sign for entry in lexicon.entries.values()]
        pose = perform_unknown(plan.signer, rng, 5, FPS, known).pose
    else:
        pose = perform_idle(plan.signer, rng, 3.0, FPS).pose
    return film(plan, pose, seed, rng, root)


def _moves(
    clip: layout.Clip,
    alignment: Alignment,
    lengths: Mapping[str, Sequence[int]],
    lexicon: ResynthLexicon,
    rng: np.random.Generator,
) -> tuple[Move, ...]:
    hands = alignment.hands.astype(np.uint8)
    return tuple(
        Move(span.gloss, lexicon.entries[span.gloss] if span.gloss else None, hands[span.start : span.stop].tobytes())
        for span in plan_signs(clip.glosses, alignment, lengths, rng)
    )


def _timed(move: Move, ranks: Sequence[int]) -> Timed:
    hands = np.frombuffer(move.hands, np.uint8)
    if move.entry is None:
        return Timed("", None, len(hands))
    shapes = frame_shapes(hands, move.entry, ranks)
    return Timed(move.gloss, move.entry.sign, len(hands), move.entry.repeats, shapes)
