"""Files of weights that a config names: looked at before hours of other work."""

from __future__ import annotations

from pathlib import Path

from skeletor.files.outside import existing_file
from skeletor.lifters.registry import build_lifter, lift_weights
from skeletor.refiners.registry import build_refiner
from skeletor.support.registry import given_weights
from slt.pipeline.config import RunConfig
from slt.pipeline.stages.cascades import recogniser_values
from slt.recognise.config import PRESETS


def check_given(config: RunConfig) -> None:
    """Raises InputError, one line, if weights that a config names for lifter, refiner or reader cannot be used.

    Those of the estimator and of a 2D refiner are looked at where they are asked for, which is before as well.
    """
    if lift_weights(config.lift) is not None:
        build_lifter(config.lift)
    if given_weights(config.refine) is not None:
        build_refiner(config.refine)
    reader = config.recogniser or (PRESETS["signs"] if config.task == "recognise" else None)
    if reader is not None:
        recogniser_values(reader)
    if config.sign2text is not None and config.sign2text.cnn_weights is not None:
        existing_file(Path(config.sign2text.cnn_weights), "file of pretrained weights")
