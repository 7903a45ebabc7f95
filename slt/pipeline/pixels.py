"""Videos of clips that the corpus has no pixels of, for the row Sign2Text: in a folder of their own, so that nothing of
the other rows depends on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from skeletor.errors import InputError
from skeletor.progress import progress
from slt.corpus import build, layout
from slt.corpus.resynth import ResynthConfig, lexicon_of, make_shot, plan_resynth, read_source
from slt.pipeline.context import Run
from slt.pipeline.mapping import worker_pool
from slt.pipeline.stage import keyed_folder, stage_key

# The source that a video's bytes depend on.
RENDER_CODE = tuple(f"slt/corpus/{m}" for m in ("build", "camera", "german", "grammar", "handshapes", "layout",
                                                "lexicon", "limbs", "look", "motion", "patterns", "portrait", "quality",
                                                "render", "rotation", "shapes", "signers"))  # fmt: skip
_RESYNTH_CODE = tuple(f"slt/corpus/{m}" for m in ("alignments", "resynth", "resynth_lexicon", "timed"))
Sources = dict[str, dict[str, Path]]  # split -> clip -> video or folder of pictures
S = TypeVar("S", bound=build.Shot)


def corpus_sources(corpus: layout.Corpus, clips: int | None) -> Sources:
    """Pictures of the clips that have some; of train those of the first so many (None: all)."""
    found = {s: {c.name: c.source for c in corpus.split(s) if c.source is not None} for s in layout.SPLITS}
    found["train"] = dict(list(found["train"].items())[:clips])
    return found


def with_pixels(run: Run, clips: int | None, root: Path) -> Sources:
    """Pictures of `clips` training clips (None: of those that have some) and of all of dev and test.

    Of a corpus that we make ourselves, what is missing is rendered into `root`. Raises InputError if there are fewer
    training clips than that.
    """
    if run.config.resynth is not None:
        return _resynthesised(run, run.config.resynth, clips, root)
    sources = corpus_sources(run.corpus, clips)
    if run.corpus.description.kind != "rendered" or clips is None:
        return sources
    config = run.config.corpus
    plans = [plan for plan in build.plan_corpus(config) if plan.part == "train"]
    _check(clips, len(plans), "corpus.train is")
    missing = [plan for plan in plans[:clips] if plan.name not in sources["train"]]
    key = stage_key(config.model_dump(exclude={"calibration"}), (), (*RENDER_CODE, "slt/video"))
    made = render_videos(missing, partial(build.make_clip, config=config), keyed_folder(root, key), run.config.workers)
    return {**sources, "train": {**sources["train"], **made}}


def _resynthesised(run: Run, config: ResynthConfig, clips: int | None, root: Path) -> Sources:
    """Its dev and test have pixels of a sample only. Of train every n-th clip is taken: they are in order of date."""
    assert run.annotation is not None, "a re-synthesised corpus without its annotation"
    source = read_source(run.annotation)
    lexicon = lexicon_of(source, config.seed)
    plans = {s: [p for p in plan_resynth(config, source, lexicon) if p.part == s] for s in layout.SPLITS}
    sources = corpus_sources(run.corpus, None)
    names = list(sources["train"])
    if clips is not None:
        _check(clips, len(plans["train"]), "the annotation's training clips are")
        places = np.linspace(0, len(plans["train"]), clips, endpoint=False).astype(int)
        names = [plans["train"][k].name for k in places]
    wanted = {"train": names, **{s: [p.name for p in plans[s]] for s in ("dev", "test")}}
    missing = [p for s in layout.SPLITS for p in plans[s] if p.name in set(wanted[s]) - set(sources[s])]
    values: dict[str, Any] = {"seed": config.seed}  # a clip does not depend on the numbers of the others
    key = stage_key(values, (run.corpus_key,), (*RENDER_CODE, *_RESYNTH_CODE, "slt/video"))
    make = partial(make_shot, lexicon=lexicon, seed=config.seed)
    made = render_videos(missing, make, keyed_folder(root, key), run.config.workers)
    return {s: {name: sources[s].get(name) or made[name] for name in wanted[s]} for s in layout.SPLITS}


def _check(clips: int, there: int, what: str) -> None:
    if clips > there:
        raise InputError(f"sign2text.clips is {clips}, but {what} {there}; lower the one, raise the other")


def render_videos(plans: Sequence[S], make: build.Maker[S], root: Path, workers: int) -> dict[str, Path]:
    """Videos of planned clips, whether or not they were to have pixels; those that are there are kept."""
    paths = {plan.name: build.video_path(root, plan.part, plan.name) for plan in plans}
    missing = [dataclasses.replace(plan, pixels=True) for plan in plans if not paths[plan.name].exists()]
    if missing:
        with worker_pool(min(workers, len(missing))) as pool:
            done = pool.map(partial(_render, make=make, root=root), missing)
            for _ in progress(done, "render", len(missing), "clip", log_every=60):
                pass
    return paths


def _render(plan: S, make: build.Maker[S], root: Path) -> None:
    make(plan, root=root)
