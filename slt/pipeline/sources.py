"""The clips of a corpus that have pixels, and a list of those that gave no pose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from skeletor.files.atomic import write_text
from skeletor.files.suffixes import is_poses
from skeletor.poses.span import Span
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.data import layout
from slt.data.own import KIND
from slt.data.statistics import UNSPACED, unspaced
from slt.estimators.base import JSON, POSES, USUAL_FPS
from slt.pipeline.config import RunConfig
from slt.pipeline.stages.translators import GLOSS
from slt.pipeline.work.poses.estimate import FAILED
from slt.translate.abstain import FEWEST


def list_bad_clips(corpus: layout.Corpus, sources: Mapping[str, Mapping[str, Path]], folder: Path, file: Path) -> int:
    """Write `file`, tab-separated: each clip without a pose, its source and why; gives how many there are.

    folder: of `estimate_corpus`. Annotated clips without pictures count, except in a rendered corpus, where
    they are meant to have none.
    """
    failed = json.loads((folder / FAILED).read_text(encoding="utf-8"))
    rows = [
        (part, name, str(sources.get(part, {}).get(name, "")), reason)
        for part, reasons in failed.items()
        for name, reason in reasons.items()
    ]
    if not corpus.description.synthetic:
        rows += [(clip.split, clip.name, "", "it has no pictures") for clip in corpus.clips if clip.source is None]
    lines = ["\t".join(" ".join(field.split()) for field in row) for row in [("part", "clip", "source", "why"), *rows]]
    write_text(file, "\n".join(lines) + "\n")
    if rows:
        log.warning("poses: %d clips are left out, listed in %s", len(rows), file)
    return len(rows)


def require_glosses(config: RunConfig, corpus: layout.Corpus) -> None:
    """Raises InputError, one line, if the run would learn from glosses and a clip of train or dev has none.

    Told before hours of work, not after.
    """
    if config.task == "recognise":  # the label may be a gloss or a text
        return
    clip = next((clip for clip in corpus.clips if clip.split != "test" and not clip.glosses), None)
    if clip is None:
        return
    if config.translate.gloss_weight:
        advice = "translate.gloss_weight: 0 (another preset than ctc)"
    elif config.recogniser is not None:
        advice = "no recogniser, and gloss2text: false"
    elif config.gloss2text and (not config.rows or GLOSS in config.rows):
        advice = "gloss2text: false"
    else:
        return
    raise InputError(
        f"{corpus.root}: clip {clip.name} has no glosses, and this run learns from them; give {advice} in the config, "
        "or glosses to each clip"
    )


def require_labels(corpus: layout.Corpus) -> None:
    """Raises InputError, one line, if the clips of train that have pictures are all of one sign.

    Told before hours of work, not after.
    """
    labels = {clip.text for clip in corpus.split("train") if clip.source is not None}
    if len(labels) == 1:
        raise InputError(f"{corpus.root}: all clips of train are {labels.pop()!r}; at least two labels are needed")


def tell_unspaced(config: RunConfig, corpus: layout.Corpus) -> None:
    """A warning if most texts have no spaces, and words are what stands between spaces: no score tells anything."""
    bare, long = unspaced([clip.text for clip in corpus.clips])
    if 2 * bare > long and (config.translate.level == "word" or config.translate.score_tokens == "none"):
        log.warning("%s: %d of %d texts %s", corpus.root, bare, long, UNSPACED)


def require_pictures(config: RunConfig, corpus: layout.Corpus) -> None:
    """Raises InputError, one line, if all clips are poses and the run would look for people in pictures, or the other
    way round.

    Told before each of them fails.
    """
    sources = [clip.source for clip in corpus.clips if clip.source is not None]
    name = config.estimator.name
    if name not in (POSES, JSON) and sources and all(map(is_poses, sources)):
        raise InputError(f"{corpus.root}: its clips are poses, no pictures; --estimator {POSES} reads them")
    if name in (POSES, JSON) and sources and not any(map(is_poses, sources)):
        raise InputError(f"{corpus.root}: its clips are videos or pictures, no poses; leave out --estimator {name}")


def require_dev(corpus: layout.Corpus) -> None:
    """Raises InputError, one line, if too few clips of dev have pictures for the limits of the model's abstention.

    Told before hours of work, not after.
    """
    count = sum(clip.source is not None for clip in corpus.split("dev"))
    if not corpus.description.synthetic and count < FEWEST:
        raise InputError(
            f"{corpus.root}: {count} clips in dev; the model's abstention is set on them: give at least {FEWEST}, "
            "or `rows` of the config without the run's own"
        )


def rendered_sources(corpus: layout.Corpus) -> dict[str, dict[str, Path]]:
    """Part -> clip -> video file of all rendered videos of a corpus."""
    parts = ("train", "dev", "test", "studio", "negatives")
    return {
        part: {file.stem: file for file in sorted(layout.features_path(corpus.root, part).glob("[!.]*.mp4"))}
        for part in parts
    }


def spans_of(corpus: layout.Corpus) -> dict[str, dict[str, Span]]:
    """Split -> clip -> which part of its source it is, of the clips that are not the whole of it."""
    return {s: {c.name: c.span for c in corpus.split(s) if c.span is not None} for s in layout.SPLITS}


def folder_rate(corpus: layout.Corpus) -> float:
    """Frames a second of folders of frames or JSON, which do not tell theirs: of own data as `corpus.json` says."""
    return corpus.description.fps if corpus.description.kind == KIND else USUAL_FPS
