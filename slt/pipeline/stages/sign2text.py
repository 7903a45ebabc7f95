"""The row Sign2Text: pixels of training clips, frames decoded once, the baseline trained and decoded.

Only training clips with pixels can be used; what a corpus of our own lacks of them is rendered (`work.pixels`).
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from skeletor.poses.pose import file_sha256
from slt.pipeline.cache.stage import Done, stage_key
from slt.pipeline.context import Run
from slt.pipeline.stages.translators import TrainedTranslator, outputs_of
from slt.pipeline.work.readers.render_pixels import PixelPlan
from slt.pipeline.work.readers.train_sign2text import make_row
from slt.synthetic.build import make_clip
from slt.synthetic.resynth import ResynthConfig, make_shot

SIGN2TEXT = "sign2text"
LABEL = "Sign2Text, from pixels"


def sign2text_stage(run: Run, seed: int) -> Done:
    """Train and decode the row of a run whose config has a section `sign2text`: writes `dev.json` and `test.json`.

    Raises AssertionError without that section.
    """
    config = run.config.sign2text
    assert config is not None, "no section sign2text"
    folder = run.folder / SIGN2TEXT
    name = SIGN2TEXT if seed == run.config.seed else f"{SIGN2TEXT}-s{seed}"
    frames_key = stage_key({}, (run.corpus_key,), ("slt.sign2text.decoded",))
    pixels = _pixel_plan(run, config.clips, folder / "videos")
    work = partial(make_row, pixels, config, folder / "frames", seed, run.config.workers, frames_key)
    values = {SIGN2TEXT: config.model_dump(exclude={"seeds"}), "seed": seed, "period": run.config.period,
              "case": run.config.translate.case}  # fmt: skip
    inputs: tuple[Done | str, ...] = (run.corpus_key, pixels.key)
    if config.cnn_weights is not None and Path(config.cnn_weights).is_file():
        inputs += (file_sha256(config.cnn_weights),)
    return run.stage(name, run.folder / "systems" / name, work, values, inputs)


def _pixel_plan(run: Run, clips: int | None, root: Path) -> PixelPlan:
    """The key of a clip's video does not depend on the numbers of the other clips."""
    made_from = run.config.resynth or (run.config.corpus if run.corpus.description.kind == "rendered" else None)
    if isinstance(made_from, ResynthConfig):
        key = stage_key({"seed": made_from.seed}, (run.corpus_key,), (make_shot,))
    elif made_from is not None:
        key = stage_key(made_from.model_dump(exclude={"calibration"}), (), (make_clip,))
    else:
        key = ""
    return PixelPlan(run.corpus, made_from, run.annotation, clips, root, key, run.config.workers)


def sign2text_systems(run: Run) -> tuple[TrainedTranslator, ...]:
    """The row's trained systems, one for each seed of the run. Raises AssertionError without a section `sign2text`."""
    assert run.config.sign2text is not None, "no section sign2text"
    seeds = range(run.config.seed, run.config.seed + (run.config.sign2text.seeds or run.config.seeds))
    stages = [(seed, sign2text_stage(run, seed)) for seed in seeds]
    return tuple(TrainedTranslator(done, seed, outputs_of(done.folder)) for seed, done in stages)


def note(run: Run, done: Done) -> str:
    """The footnote of the row: its preset, and on how many of the training clips it was trained."""
    assert run.config.sign2text is not None
    names = json.loads((done.folder / "train.json").read_text(encoding="utf-8"))
    return (
        f"{LABEL}: preset {run.config.sign2text.preset}, trained on the {len(names)} of "
        f"{len(run.corpus.split('train'))} training clips that have pixels"
    )
