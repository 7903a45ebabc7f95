"""JoeyNMT's trainer with a time limit, a schedule that ends with it, early stopping, and a safe resume."""

from __future__ import annotations

import contextlib
import copy
import logging
import re
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import joeynmt.prediction
import torch
from joeynmt.batch import Batch
from joeynmt.builders import BaseScheduler
from joeynmt.config import TrainConfig
from joeynmt.decoders import TransformerDecoder
from joeynmt.model import Model
from joeynmt.training import TrainManager
from torch.utils.data import Dataset

from skeletor.files.atomic import atomic_path, write_text
from skeletor.support.errors import as_input_error
from skeletor.support.together import Processes
from slt.translate.config import TranslateConfig
from slt.translate.joey.decoding.search import greedy
from slt.translate.joey.glosses import GlossModel
from slt.translate.joey.loss import smoothed_loss
from slt.translate.joey.settings import autocast, dev_args, train_args
from slt.translate.joey.together import counted_whole, seed_dropout, sum_gradients

_GENERATOR = ".generator"  # suffix of the file beside a checkpoint
_REPORT = "validations.txt"  # JoeyNMT's, a line for each validation


class Schedule(BaseScheduler):
    """Warm-up, then constant, or linear down to 0 when the updates or the minutes (the earlier) are used up."""

    def __init__(self, optimizer: torch.optim.Optimizer, config: TranslateConfig) -> None:
        super().__init__(optimizer)
        self._peak, self._warmup, self._linear = config.learning_rate, config.warmup, config.schedule == "linear"
        self._updates, self._seconds = config.max_updates, config.max_minutes * 60
        self._before, self._start = 0.0, time.monotonic()
        self.told: float | None = None  # by another process, whose clock is the one that counts

    @property
    def elapsed(self) -> float:
        """Seconds of training, those before a resume included."""
        return self._before + time.monotonic() - self._start if self.told is None else self.told

    @property
    def time_is_up(self) -> bool:
        """Whether the training has used up its `max_minutes`."""
        return self.elapsed >= self._seconds

    def _compute_rate(self) -> float:
        if self._step < self._warmup:
            rate: float = self._peak * self._step / self._warmup
            return rate
        if not self._linear:
            return self._peak
        used: float = max(self._step / self._updates, self.elapsed / self._seconds)
        return self._peak * max(0.0, 1.0 - used)

    def state_dict(self) -> dict[str, Any]:
        """JoeyNMT's state, and under `elapsed` the seconds that were used."""
        return {**super().state_dict(), "elapsed": self.elapsed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint's `state_dict`; the seconds used before count."""
        super().load_state_dict(state_dict)
        self._before, self._start = float(state_dict["elapsed"]), time.monotonic()


class Trainer(TrainManager):
    """JoeyNMT's TrainManager; what is added is said at each method.

    Of several processes each takes its share of every batch, and all make the step of the whole batch: they learn what
    one does, but for the order of sums and dropout. The first one validates and writes.
    """

    args: TrainConfig

    def __init__(self, model: Model, folder: Path, device: torch.device, seed: int, config: TranslateConfig) -> None:
        smoothed_loss(model, config.label_smoothing, config.r_drop)
        if isinstance(model, GlossModel):
            model.text_weight = config.text_weight
        with warnings.catch_warnings():  # of the scaler that it makes by a deprecated name, and that is not used
            warnings.filterwarnings("ignore", r".*torch\.cuda\.amp\.GradScaler", FutureWarning)
            super().__init__(
                rank=0, model=model, model_dir=folder, device=device, n_gpu=int(device.type == "cuda"), num_workers=0,
                autocast=autocast(device, config.precision), seed=seed,
                train_args=train_args(config), dev_args=dev_args(config),
            )  # fmt: skip
        self.scaler = None  # bfloat16 has the range of float32: nothing underflows
        for group in self.optimizer.param_groups:
            group["fused"] = True  # one call for all weights; a third less time per update on a CPU
        self.processes = Processes()
        self.clock = Schedule(self.optimizer, config)
        self.patience = config.patience
        self.plateau = config.schedule == "plateau"
        if not self.plateau:
            self.scheduler, self.scheduler_step_at = self.clock, "step"
            self.clock.step(-1)

    def resume(self) -> bool:
        """Go on from the newest checkpoint that can be read, all processes from the same; False if there is none."""
        found = self.processes.first and self._resume()
        if self.processes.first:
            _cut_report(self.model_dir / _REPORT, self.stats.steps if found else 0)
        step = self.processes.told(self.stats.steps if found else None)
        if step is not None and not self.processes.first:
            self.init_from_checkpoint(self.model_dir / f"{step}.ckpt")
        return step is not None

    def _resume(self) -> bool:
        """`resume` of the first process.

        The result has the same bytes as without the break. JoeyNMT forgets which checkpoints it kept: the queue is made
        again from its validation report. It also starts an epoch anew with other coin flips: the generator's state lies
        beside each checkpoint, and the batches that the epoch has had are skipped.
        """
        numbered = sorted(self.model_dir.glob("[0-9]*.ckpt"), key=lambda p: -int(p.stem))
        for path in numbered:
            if path.with_suffix(_GENERATOR).exists() and self._try(path):
                break
        else:
            return False
        for path in numbered:
            if int(path.stem) > self.stats.steps:  # half written when the process was killed
                path.unlink()
        self.ckpt_queue = self._on_disk()[-self.args.keep_best_ckpts :]
        return True

    def kept(self) -> list[Path]:
        """Checkpoint files of the best validations, best first."""
        return [path for _, path in reversed(self._on_disk()[-self.args.keep_best_ckpts :])]

    def _on_disk(self) -> list[tuple[float, Path]]:
        """(BLEU-4, checkpoint) of all validations whose checkpoint is still there, best last."""
        scores = _reported(self.model_dir / _REPORT)
        scores[self.stats.best_ckpt_iter] = self.stats.best_ckpt_score
        entries = [(score, step, self.model_dir / f"{step}.ckpt") for step, score in scores.items()]
        return [(score, path) for score, _, path in sorted(entries) if path.exists()]

    def train_and_validate(self, train_data: Dataset[Any], valid_data: Dataset[Any]) -> None:
        """As JoeyNMT's, unless the updates or the minutes were used up before.

        Raises KeyboardInterrupt if JoeyNMT caught one: what is trained in part must not be taken as trained.
        """
        if self.stats.steps < self.args.max_updates and not self.processes.told(self.clock.time_is_up):
            train_data.share = (self.processes.rank, self.processes.count)  # type: ignore[attr-defined]
            if self.stats.steps:
                done = (self.stats.epochs - 1) * -(-len(train_data) // self.args.batch_size)  # type: ignore[arg-type]
                train_data.skip = self.stats.steps - done  # type: ignore[attr-defined]
            super().train_and_validate(train_data, valid_data)
            if not (self.stats.is_max_update or self.stats.is_min_lr):
                raise KeyboardInterrupt  # JoeyNMT caught it: what is trained in part must not be taken as trained

    def _train_step(self, batch: Batch) -> tuple[float, int]:
        """One batch; if the time is up, it is made the last, with a validation behind it."""
        together = self.processes.count > 1
        counts = together and bool(self.train_iter.batch_sampler.counts)
        if together:
            self.clock.told = None
            self.clock.told = counted_whole(self.processes, batch, counts, self.clock.elapsed)
            seed_dropout(self.processes, self.seed, self.stats.steps, self.device)
        if self.clock.time_is_up:
            last = self.stats.steps + 1
            self.args = self.args._replace(max_updates=last, validation_freq=last)
        loss_and_tokens: tuple[float, int] = super()._train_step(batch)
        if not together:
            return loss_and_tokens
        sum_gradients(self.processes, self.model, counts)
        loss, right = self.processes.total(torch.tensor(loss_and_tokens, dtype=torch.float64) * counts).tolist()
        return loss, int(right)

    def _validate(self, valid_data: Dataset[Any]) -> None:
        """The first process validates; all go on with what it found."""
        if self.processes.first:
            self._validate_here(valid_data)
        if self.processes.count > 1:
            plateau = self.scheduler.state_dict() if self.plateau else None
            rates = [group["lr"] for group in self.optimizer.param_groups]
            stats, plateau, rates = self.processes.told((vars(self.stats), plateau, rates))
            self.stats.__dict__.update(stats)
            if plateau is not None:
                self.scheduler.load_state_dict(plateau)
            for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
                group["lr"] = rate

    def _validate_here(self, valid_data: Dataset[Any]) -> None:
        """Validation; afterwards there is always a checkpoint to resume from, and patience may end."""
        cached = isinstance(self.model.decoder, TransformerDecoder)
        with _cached_search() if cached else contextlib.nullcontext():
            super()._validate(valid_data)
        if not (self.model_dir / f"{self.stats.steps}.ckpt").exists():
            self._save_checkpoint(False, float("nan"))
        self._save_generator()
        waited = self.stats.steps - self.stats.best_ckpt_iter
        if not self.plateau and waited >= self.patience * self.args.validation_freq:
            self.stats.is_max_update = True

    def _save_checkpoint(self, new_best: bool, score: float) -> None:
        """JoeyNMT writes under the final name; what was written in part, on a full disk for instance, goes again."""
        if not self.processes.first:
            return
        path = self.model_dir / f"{self.stats.steps}.ckpt"
        try:
            super()._save_checkpoint(new_best, score)
        except BaseException as error:
            path.unlink(missing_ok=True)
            refused = as_input_error(error, path) if isinstance(error, Exception) else None
            if refused is None:
                raise
            raise refused from error  # torch's words name no file

    def _save_generator(self) -> None:
        """The state of the coin flips after this validation; those of checkpoints that are gone go too."""
        state = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        with atomic_path(self.model_dir / f"{self.stats.steps}{_GENERATOR}") as temporary:
            torch.save(state, temporary)
        for path in self.model_dir.glob(f"*{_GENERATOR}"):
            if not path.with_suffix(".ckpt").exists():
                path.unlink()

    def _try(self, path: Path) -> bool:
        """Whether a checkpoint could be loaded; if not, everything is as it was before."""
        before = copy.deepcopy(
            (self.model.state_dict(), self.optimizer.state_dict(), self.scheduler.state_dict(), vars(self.stats))
        )
        try:
            self.init_from_checkpoint(path)
            state = torch.load(path.with_suffix(_GENERATOR), weights_only=True)
            torch.set_rng_state(state["cpu"])
            if "cuda" in state and self.device.type == "cuda":
                torch.cuda.set_rng_state(state["cuda"], self.device)
        except (
            ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError,
            UnpicklingError, ValueError,
        ) as error:  # fmt: skip
            self.model.load_state_dict(before[0])
            self.optimizer.load_state_dict(before[1])
            self.scheduler.load_state_dict(before[2])
            self.stats.__dict__.update(before[3])
            logging.getLogger("joeynmt.training").warning("%s cannot be resumed from: %s", path, error)
            return False
        return True


@contextlib.contextmanager
def _cached_search() -> Iterator[None]:
    """JoeyNMT's validation decodes with our greedy search: the same hypotheses, sooner."""

    def search(*, model: Model, batch: Batch, max_output_length: int, autocast: dict[str, Any], **_: Any) -> Any:
        with torch.autocast(**autocast), torch.no_grad():
            states, *_rest = model(return_type="encode", **vars(batch))
            ids = greedy([model], [states], batch.src_mask, max_output_length)
        return ids.cpu().numpy(), None, None

    before = joeynmt.prediction.search
    joeynmt.prediction.search = search
    try:
        yield
    finally:
        joeynmt.prediction.search = before


def average(paths: list[Path]) -> dict[str, torch.Tensor]:
    """Mean of the weights of JoeyNMT checkpoints, parameter name -> tensor of its own shape; on the CPU."""
    states = [torch.load(path, map_location="cpu", weights_only=True)["model_state"] for path in paths]
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }


def _reported(path: Path) -> dict[int, float]:
    """BLEU-4 by update from JoeyNMT's validation report."""
    if not path.exists():
        return {}
    rows = re.findall(r"^Steps: (\d+)\t.*?\bbleu: ([-\d.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {int(step): float(score) for step, score in rows}


def _cut_report(path: Path, updates: int) -> None:
    """Take the lines of a validation report out that were written after the last checkpoint: they come once more."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        told = [re.match(r"Steps: (\d+)\t.*\n", line) for line in lines]
        write_text(path, "".join(m[0] for m in told if m and int(m[1]) <= updates))


def curve(path: Path) -> list[dict[str, float]]:
    """JoeyNMT's validation report as rows of steps, loss, ppl, acc, bleu, lr; empty if there is no such file."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [{k.lower(): float(v) for k, v in re.findall(r"(\w+): ([-\d.einf]+)", line)} for line in lines]
