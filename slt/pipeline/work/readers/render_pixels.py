"""Work of a stage: videos rendered of clips that the corpus has no pixels of, for the row Sign2Text.

They lie in a folder of their own, so that nothing of the other rows depends on them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from skeletor.files.keyed import keyed_folder
from skeletor.support.errors import InputError
from skeletor.support.progress import progress
from slt.data import layout
from slt.pipeline.mapping import worker_pool
from slt.synthetic import build
from slt.synthetic.resynth import ResynthConfig, lexicon_of, make_shot, plan_resynth, read_source

Sources = dict[str, dict[str, Path]]  # split -> clip -> video or folder of pictures
S = TypeVar("S", bound=build.Shot)


def corpus_sources(corpus: layout.Corpus, clips: int | None) -> Sources:
    """Split -> clip -> pictures of the clips that have some; of train the first `clips` of them (None: all).

    InputError for clips that are parts of a longer video: they are read whole here.
    """
    part = next((clip for clip in corpus.clips if clip.span is not None), None)
    if part is not None:
        raise InputError(f"{corpus.root}: clip {part.name} is a part of a video, which Sign2Text does not read; cut it")
    found = {s: {c.name: c.source for c in corpus.split(s) if c.source is not None} for s in layout.SPLITS}
    found["train"] = dict(list(found["train"].items())[:clips])
    return found


@dataclasses.dataclass(frozen=True)
class PixelPlan:
    """Which clips are to get videos, and where they go.

    made_from: the config of a corpus of our own, None for others. annotation: of a re-synthesised one. clips: number of
    training clips that have pixels in the end; None: those that have some. root: folder of the rendered videos, emptied
    if they were made under another key.
    """

    corpus: layout.Corpus
    made_from: build.CorpusConfig | ResynthConfig | None
    annotation: Path | None
    clips: int | None
    root: Path
    key: str
    workers: int


def with_pixels(plan: PixelPlan) -> Sources:
    """Pictures of `clips` training clips (None: of those that have some) and of all of dev and test.

    In a corpus that we make ourselves, missing videos are rendered. Raises InputError if there are fewer training clips
    than `clips`.
    """
    if isinstance(plan.made_from, ResynthConfig):
        return _resynthesised(plan, plan.made_from)
    sources = corpus_sources(plan.corpus, plan.clips)
    if plan.made_from is None or plan.clips is None:
        return sources
    config = plan.made_from
    plans = [shot for shot in build.plan_corpus(config) if shot.part == "train"]
    _check(plan.clips, len(plans), "corpus.train is")
    missing = [shot for shot in plans[: plan.clips] if shot.name not in sources["train"]]
    made = render_videos(
        missing, partial(build.make_clip, config=config), keyed_folder(plan.root, plan.key), plan.workers
    )
    return {**sources, "train": {**sources["train"], **made}}


def _resynthesised(plan: PixelPlan, config: ResynthConfig) -> Sources:
    """Its dev and test have pixels of a sample only. Of train every n-th clip is taken: they are in order of date."""
    assert plan.annotation is not None, "a re-synthesised corpus without its annotation"
    source = read_source(plan.annotation)
    lexicon = lexicon_of(source, config.seed)
    plans = {s: [p for p in plan_resynth(config, source, lexicon) if p.part == s] for s in layout.SPLITS}
    sources = corpus_sources(plan.corpus, None)
    names = list(sources["train"])
    if plan.clips is not None:
        _check(plan.clips, len(plans["train"]), "the annotation's training clips are")
        places = np.linspace(0, len(plans["train"]), plan.clips, endpoint=False).astype(int)
        names = [plans["train"][k].name for k in places]
    wanted = {"train": names, **{s: [p.name for p in plans[s]] for s in ("dev", "test")}}
    missing = [p for s in layout.SPLITS for p in plans[s] if p.name in set(wanted[s]) - set(sources[s])]
    make = partial(make_shot, lexicon=lexicon, seed=config.seed)
    made = render_videos(missing, make, keyed_folder(plan.root, plan.key), plan.workers)
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
