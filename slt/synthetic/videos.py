"""`slt corpus render --videos-only`: rendered clips as one would film them, a folder of videos with their sentences."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from skeletor.files.atomic import write_text
from skeletor.support.errors import InputError
from skeletor.support.progress import progress
from skeletor.support.workers import worker_pool
from slt.data.layout import SPLITS
from slt.data.own import VIDEOS
from slt.synthetic.build import CorpusConfig, Plan, make_clip, plan_corpus, video_path

_CHUNK = 4  # clips per task


def render_videos(config: CorpusConfig, root: Path, workers: int = 2) -> int:
    """Write `root/videos/<signer>/<number>.mp4` for each sentence of train, dev and test, and its text beside it, .txt.

    That is what `slt data new` takes; it draws the splits anew. The sentence has no final " .", and there is no truth.
    Clips that are already there are kept. Deterministic by `config.seed`. Gives their number. workers: processes.
    Raises InputError if a file cannot be written, or a video is there of which this sentence is not.
    """
    plans = [replace(plan, pixels=True) for plan in plan_corpus(config) if plan.part in SPLITS]
    numbered = [(plan, root / VIDEOS / plan.signer.name / f"{k:04d}.mp4") for k, plan in enumerate(plans, 1)]
    for plan, path in numbered:
        _check_text(path, _text(plan))
    chunks = [numbered[k : k + _CHUNK] for k in range(0, len(numbered), _CHUNK)]
    with worker_pool(workers) as pool:
        done = pool.map(partial(_render, config=config), chunks)
        for _ in progress(done, "render videos", total=len(chunks), unit="chunk"):
            pass
    return len(plans)


def _text(plan: Plan) -> str:
    assert plan.sentence is not None
    return plan.sentence.text.removesuffix(" .") + "\n"


def _check_text(video: Path, text: str) -> None:
    """InputError if another sentence than this, or none, stands beside a video that is there: it would be kept."""
    beside = video.with_suffix(".txt")
    if video.exists() and not (beside.is_file() and beside.read_bytes() == text.encode()):
        raise InputError(f"{video}: is there already, with another sentence; give a folder of its own, or delete it")


def _render(plans: Sequence[tuple[Plan, Path]], config: CorpusConfig) -> None:
    for plan, path in plans:
        write_text(path.with_suffix(".txt"), _text(plan))
        if path.exists():
            continue
        with TemporaryDirectory(prefix=".", dir=path.parent) as made:  # on the same disk, so that it can be moved whole
            make_clip(plan, config, Path(made))
            os.replace(video_path(Path(made), plan.part, plan.name), path)
