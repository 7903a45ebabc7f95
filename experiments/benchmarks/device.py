"""`make gpu-bench`: what a training step costs a GPU, beside what the card could do; without one, what can be counted.

Launches and synchronisations are counted in torch's dispatcher, floating-point operations by its flop counter, both on
any device. On a GPU also samples a second, and the share of the card's peak that they come to.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from experiments.benchmarks.refine import motion
from experiments.report import number, table, write_files
from experiments.request import Request
from skeletor.learning.trainer import Trainer as NetworkTrainer
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.training.config import train_preset
from skeletor.refiners.training.train import train_refiner
from skeletor.support.config import Config
from skeletor.support.devices import resolve_device
from skeletor.support.progress import log
from slt.recognise.config import RecogniserConfig
from slt.recognise.train import GlossClip, train_recogniser
from slt.translate.config import PRESETS
from slt.translate.joey.batches import Example
from slt.translate.joey.trainer import Trainer as TextTrainer
from slt.translate.train import train_translator

# Views and allocations start no kernel.
_NO_KERNEL = frozenset(
    {
        *("alias", "as_strided", "detach", "diagonal", "empty", "empty_like", "empty_strided", "expand", "lift_fresh"),
        *("narrow", "permute", "select", "slice", "split", "split_with_sizes", "squeeze", "t", "transpose", "unbind"),
        *("unfold", "unsqueeze", "view", "_reshape_alias", "_unsafe_view"),
    }
)
# The host waits for a value, or for a size that depends on values.
_WAITS = frozenset(["_local_scalar_dense", "equal", "is_nonzero", "masked_select", "nonzero", "unique", "_unique2"])
# Dense bf16 TFLOP/s by NVIDIA's data sheets.
PEAKS = {"H200": 989.0, "H100": 989.0, "A100": 312.0, "L40S": 362.0, "L4": 121.0, "4090": 165.0, "T4": 65.0}


class GpuBenchConfig(Config):
    """Sizes. steps: measured, of each training; batch: of the refiner (the paper's network), the others' their own;
    clips: that are learned from. device: the first GPU if there is one.
    """

    steps: int = Field(20, ge=1)
    batch: int = Field(256, ge=1)
    clips: int = Field(256, ge=40)
    device: str = "auto"
    only: list[str] = Field(["refiner", "recogniser", "translator"])


@dataclass(frozen=True)
class Cost:
    """Of one step. launches, waits: kernels, and times that the host waits for a value; gflop: of forward and backward
    passes; rate: samples a second.
    """

    training: str
    samples: int
    launches: int
    waits: int
    gflop: float
    rate: float

    def share(self, peak: float) -> float:
        """Of a peak in TFLOP/s."""
        return self.gflop / self.samples * self.rate / 1000 / peak


class _Operations(TorchDispatchMode):
    """Counts what is dispatched on a device, and where the host waits for it."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._kind = device.type
        self.launches = self.waits = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given, name = kwargs or {}, func._overloadpacket.__name__
        result = func(*args, **given)
        inputs = [one for one in tree_leaves(args) if isinstance(one, torch.Tensor)]
        here = any(one.device.type == self._kind for one in inputs or tree_leaves(result) if hasattr(one, "device"))
        self.launches += here and name not in _NO_KERNEL
        leaves = name == "_to_copy" and torch.device(given.get("device") or self._kind).type != self._kind
        self.waits += here and (name in _WAITS or leaves)
        return result


def make(request: Request, config: GpuBenchConfig) -> None:
    """Measure all trainings and write the table."""
    device = resolve_device(config.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, one thread"
    peak = next((value for key, value in PEAKS.items() if device.type == "cuda" and key in name), None)
    torch.set_num_threads(1)
    found = []
    for training, samples, owner, step, run in trainings(config, device):
        if training.split()[0] in config.only:
            found.append(cost(training, samples, owner, step, run, config.steps, device))
            log.info("%s: %s", training, found[-1])
    values = {**request.about(config, None), "device": name, "rows": [asdict(row) for row in found]}
    write_files(request.results, request.name, markdown(found, name, peak), values)


def trainings(
    config: GpuBenchConfig, device: torch.device
) -> Iterator[tuple[str, int, type, str, Callable[[int], Any]]]:
    """Name, samples of a step, class and method of the step, and what runs so many steps."""
    poses = [motion(120, seed) for seed in range(config.clips)]
    refiner = train_preset("paper", batch_size=config.batch, validation_share=0.0)

    def refine(steps: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            train_refiner(poses, refiner.model_copy(update={"max_steps": steps}), folder, device=device)

    yield "refiner (paper)", config.batch, NetworkTrainer, "step", refine
    examples, dev, reader = _examples(poses), _examples(poses[:4]), RecogniserConfig()

    def recognise(steps: int) -> None:
        clips, few = _clips(examples), _clips(dev)
        one = reader.model_copy(update={"epochs": steps * reader.batch / len(clips), "beam": 1})
        with tempfile.TemporaryDirectory() as folder:
            train_recogniser(clips, few, one, Path(folder), 0, str(device))

    yield "recogniser", reader.batch, NetworkTrainer, "step", recognise
    joint = PRESETS["ctc"]

    def translate(steps: int) -> None:
        one = {"max_updates": steps, "validate_every": steps, "warmup": 1, "beams": [1], "alphas": [1.0]}
        with tempfile.TemporaryDirectory() as folder:
            train_translator(examples, dev, joint.model_copy(update=one), Path(folder), 0, str(device))

    yield "translator (ctc)", joint.batch, TextTrainer, "_train_step", translate


def _examples(poses: list[PoseSequence]) -> list[Example]:
    """Sentences of PHOENIX14T's vocabulary and length, one a clip."""
    rng = np.random.default_rng(1)
    words = [[f"W{k}" for k in rng.integers(0, 1000, rng.integers(4, 12))] for _ in poses]
    return [
        Example(str(k), pose, " ".join(text).lower(), tuple(text))
        for k, (pose, text) in enumerate(zip(poses, words, strict=True))
    ]


def _clips(examples: list[Example]) -> list[GlossClip]:
    return [GlossClip(one.name, one.pose, one.glosses) for one in examples if isinstance(one.pose, PoseSequence)]


def cost(
    training: str, samples: int, owner: type, step: str, run: Callable[[int], Any], steps: int, device: torch.device
) -> Cost:
    """Run a training three times: timed, with its operations counted, and with its flops. Three steps warm up."""
    seconds: list[float] = []
    with _around(owner, step, lambda call: seconds.append(_timed(call, device))):
        run(steps + 3)
    operations = _Operations(device)
    with _around(owner, step, lambda call: _within(operations, call)):
        run(1)
    flops = FlopCounterMode(display=False)
    with _around(owner, step, lambda call: _within(flops, call)):
        run(1)
    return Cost(
        training=training,
        samples=samples,
        launches=operations.launches,
        waits=operations.waits,
        gflop=flops.get_total_flops() / 1e9,
        rate=samples * steps / sum(seconds[3:]),
    )


@contextmanager
def _around(owner: type, name: str, measure: Callable[[Callable[[], Any]], Any]) -> Iterator[None]:
    """In the block, each call of a method goes through `measure`, which has to call what it is given."""
    method = getattr(owner, name)

    def measured(*arguments: Any, **options: Any) -> Any:
        result: list[Any] = []
        measure(lambda: result.append(method(*arguments, **options)))
        return result[0]

    setattr(owner, name, measured)
    try:
        yield
    finally:
        setattr(owner, name, method)


def _timed(call: Callable[[], Any], device: torch.device) -> float:
    """Seconds until the device has done it. The host's head start over the device is lost with each step."""
    started = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def _within(mode: AbstractContextManager[Any], call: Callable[[], Any]) -> None:
    with mode:
        call()


def markdown(rows: list[Cost], device: str, peak: float | None) -> str:
    """The table. peak: TFLOP/s of the card, None if it is not known."""
    body = [
        [row.training, str(row.samples), f"{row.launches}", f"{row.waits}", number(row.gflop),
         f"{row.rate:,.0f}", f"{100 * row.share(peak):.1f} %" if peak else ""]
        for row in rows
    ]  # fmt: skip
    head = ["training", "samples a step", "launches a step", "waits a step", "GFLOP a step", "samples/s", "of the peak"]
    note = (
        f"{device}. On a CPU the optimizer has a dozen launches and a wait for each weight, on a GPU one launch. "
        "Made by `make gpu-bench`."
    )
    return "\n".join([*table(head, body), "", note]) + "\n"
