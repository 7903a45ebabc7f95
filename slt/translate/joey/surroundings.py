"""In what JoeyNMT trains and decodes: its messages go to a file, and chance comes from a seed."""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import joeynmt
import joeynmt.builders
import joeynmt.prediction
import joeynmt.training
import torch

from skeletor.support.devices import seeded
from skeletor.support.progress import LogFile
from slt.translate.joey.together import without_ddp


@contextmanager
def quiet(log_file: Path | None) -> Iterator[None]:
    """In the block, JoeyNMT's messages go to a file (None: nowhere), its bars and its TensorBoard nowhere; its plateau
    schedule works with today's torch, and it takes itself for a single process.

    Raises InputError if the file cannot be opened.
    """
    handler = logging.NullHandler() if log_file is None else LogFile(log_file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    modules = (f"joeynmt.{module.name}" for module in pkgutil.iter_modules(joeynmt.__path__))
    loggers = [logging.getLogger(name) for name in modules]  # some of them JoeyNMT makes only when it needs them
    before = [list(logger.handlers) for logger in loggers]
    bar, plateau = joeynmt.prediction.tqdm, joeynmt.builders.ReduceLROnPlateau
    board = joeynmt.training.SummaryWriter
    for logger in loggers:
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
    joeynmt.prediction.tqdm = lambda *args, **kwargs: bar(*args, **{**kwargs, "disable": True})
    joeynmt.builders.ReduceLROnPlateau = lambda *args, verbose=False, **kwargs: plateau(*args, **kwargs)
    joeynmt.training.SummaryWriter = _NoBoard
    try:
        with without_ddp():
            yield
    finally:
        joeynmt.prediction.tqdm, joeynmt.builders.ReduceLROnPlateau = bar, plateau
        joeynmt.training.SummaryWriter = board
        for logger, handlers in zip(loggers, before, strict=True):
            logger.handlers = handlers
        handler.close()


@contextmanager
def deterministic(seed: int, device: torch.device) -> Iterator[None]:
    """In the block, torch's generators start from `seed`, and a CPU uses one thread.

    More threads are slower for a network of this size.
    """
    threads = torch.get_num_threads()
    with seeded(seed, device):
        if device.type == "cpu":
            torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


class _NoBoard:
    """In the place of TensorBoard's writer: its thread dies with a traceback on a full disk. Nobody reads its files."""

    def __init__(self, *arguments: object, **options: object) -> None:
        pass

    def add_scalar(self, *arguments: object, **options: object) -> None:
        """Nothing."""

    def add_figure(self, *arguments: object, **options: object) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
