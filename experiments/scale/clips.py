"""Short rendered clips: the first frames of sentences of the rendered corpus."""

from __future__ import annotations

from pathlib import Path

from slt.synthetic.build import CorpusConfig, clip_rng, film, plan_corpus, video_path
from slt.synthetic.signing.motion import perform

_BEGIN = 10  # frames after which the hands are up


def short_clips(count: int, frames: int, folder: Path) -> list[Path]:
    """So many videos of so many frames each, different ones; those that are there are kept."""
    config = CorpusConfig(train=1, dev=1, test=max(2, count), negatives=0, studio=2)
    plans = [plan for plan in plan_corpus(config) if plan.part == "test"][:count]
    paths = []
    for plan in plans:
        path = video_path(folder, plan.part, plan.name)
        paths.append(path)
        if path.exists() or plan.sentence is None:
            continue
        rng = clip_rng(plan, config.seed)
        pose = perform(plan.sentence.glosses, plan.signer, rng, config.fps).pose
        film(plan, pose.frames(_BEGIN, _BEGIN + frames), config.seed, rng, folder)
    return paths
