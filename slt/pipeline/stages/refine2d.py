"""The stages between 2D poses and lifting: a 2D refiner is fitted to true 2D of training clips, and refines all."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from skeletor.poses.pose import file_sha256
from skeletor.refiners2d.registry import FittedOptions, build_refiner_2d
from skeletor.support.errors import InputError
from skeletor.support.registry import given_weights
from slt.pipeline.cache.stage import Done, run_stage
from slt.pipeline.context import Detected, Run
from slt.pipeline.work.poses.apply_refiner2d import refine_parts_2d
from slt.pipeline.work.poses.fit_refiner2d import WEIGHTS, fit_2d


def check_refine_2d(run: Run) -> None:
    """Raises InputError if the config asks for a 2D refiner that this corpus cannot give.

    Called before hours of other work.
    """
    config = run.config.refine2d
    if given_weights(config) or not isinstance(config, FittedOptions):
        build_refiner_2d(config)
    elif not run.rendered:
        raise InputError(
            f"refine2d.name is {config.name}, but {run.corpus.root} has no true 2D to fit it to; give refine2d.weights "
            "(of a rendered run), or refine2d.name none"
        )


def refine_2d(run: Run, detected: Detected) -> Detected:
    """All parts refined, in `refined2d/<part>/`, 2D in pixels; `detected` itself if the config says `none`."""
    config = run.config.refine2d
    if config.name == "none":
        return detected
    inputs: tuple[Done | str, ...] = (detected.done,)
    values = config.model_dump(exclude={"weights"})
    if isinstance(config, FittedOptions):
        values = {"name": config.name}  # all else went into its weights
    weights, given = weights_of(run), given_weights(config)
    if weights is not None:
        inputs += (file_sha256(given) if given else _fit(run, detected),)
        config = config.model_copy(update={"weights": str(weights)})
    work = partial(refine_parts_2d, detected.parts, config, run.config.workers, spread=run.spread)
    done = run.stage("refine2d", run.folder / "refined2d", work, values, inputs)
    return replace(detected, done=done, parts={part: done.folder / part for part in detected.parts})


def weights_of(run: Run) -> Path | None:
    """Where the weights of the run's 2D refiner are, or will be; None if it needs none."""
    config = run.config.refine2d
    given = given_weights(config)
    if given:
        return Path(given)
    return run.folder / "refiner2d" / WEIGHTS if isinstance(config, FittedOptions) else None


def _fit(run: Run, detected: Detected) -> Done:
    config, about = run.config.refine2d, run.corpus.description
    assert isinstance(config, FittedOptions)
    words = (f"{about.kind}, train", about.licence)
    truth = run.corpus.root / "truth2d" / "train"
    return run_stage(  # never taken from another run: the weights are looked for in this one
        "fit refine2d",
        run.folder / "refiner2d",
        partial(fit_2d, truth, detected.parts["train"], config, run.config.seed, words, run.config.workers),
        {**config.model_dump(), "seed": run.config.seed},
        (detected.done, run.corpus_key),
    )
