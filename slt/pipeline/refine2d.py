"""Between 2D poses and lifting: the 2D refiner is fitted to the training clips' true 2D, and refines all parts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from skeletor.errors import InputError
from skeletor.io.store import open_store
from skeletor.pose import file_sha256
from skeletor.refine2d import Refine2DConfig, build_refiner_2d
from slt.corpus import build
from slt.pipeline.context import CORE_CODE, Detected, Run
from slt.pipeline.mapping import map_stores
from slt.pipeline.stage import Done, run_stage
from slt.sparse import OnKeyFrames

WEIGHTS = "refine2d.safetensors"
_USE = tuple(f"skeletor/{m}" for m in ("alignment", "pose_prior", "port", "port_config", "port_model", "refine2d",
                                       "refine2d_weights"))  # fmt: skip
_FIT = (*_USE, "skeletor/port_training", "skeletor/refine2d_training")


def check_refine_2d(run: Run) -> None:
    """InputError if the config asks for a 2D refiner that this corpus cannot give; before hours of other work."""
    config = run.config.refine2d
    if config.name == "none":
        return
    if config.weights:
        build_refiner_2d(config)
    elif not run.rendered:
        raise InputError(
            f"refine2d.name is {config.name}, but {run.corpus.root} has no true 2D to fit it to; give refine2d.weights "
            "(of a rendered run), or refine2d.name none"
        )


def refine_2d(run: Run, detected: Detected) -> Detected:
    """All parts refined, in `refined2d/<part>/`; what comes in, if the config says `none`."""
    config = run.config.refine2d
    if config.name == "none":
        return detected
    fitted = file_sha256(config.weights) if config.weights else _fit(run, detected)
    chosen = config.model_copy(update={"weights": str(weights_of(run))})
    done = run.stage(
        "refine2d",
        run.folder / "refined2d",
        lambda out: _refine(detected, chosen, out, run.config.workers),
        {"name": config.name},
        (detected.done, fitted),
        (*CORE_CODE, *_USE, "slt/sparse"),
    )
    return replace(detected, done=done, parts={part: done.folder / part for part in detected.parts})


def weights_of(run: Run) -> Path:
    """Where the weights of the run's 2D refiner are, or will be."""
    return Path(run.config.refine2d.weights or run.folder / "refiner2d" / WEIGHTS)


def _refine(detected: Detected, config: Refine2DConfig, out: Path, workers: int) -> None:
    folders = {folder: out / part for part, folder in detected.parts.items()}
    map_stores(folders, partial(_refiner, config), "refine2d", workers)


def _refiner(config: Refine2DConfig) -> OnKeyFrames:
    return OnKeyFrames(build_refiner_2d(config))


def _fit(run: Run, detected: Detected) -> Done:
    config = run.config.refine2d

    def work(out: Path) -> None:
        """Fit, write."""
        import torch

        from skeletor.refine2d_training import fit_refiner_2d
        from skeletor.refine2d_weights import save_refiner_2d

        torch.set_num_threads(run.config.workers)
        truth = build.open_truth(run.corpus.root, "train", planar=True)
        clips = open_store(detected.parts["train"])
        about = run.corpus.description
        fitted, bones = fit_refiner_2d(truth, clips, config, run.config.seed, f"{about.kind}, train", about.licence)
        save_refiner_2d(fitted, config.port, bones, out / WEIGHTS)

    return run_stage(
        "fit refine2d",
        run.folder / "refiner2d",
        work,
        {**config.model_dump(), "seed": run.config.seed},
        (detected.done, run.corpus_key),
        (*CORE_CODE, *_FIT),
    )
