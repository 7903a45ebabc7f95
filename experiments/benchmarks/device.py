"""`make gpu-bench`: what a training step costs a GPU, beside what the card could do; without one, what can be counted.

Launches, synchronisations and bytes are counted in torch's dispatcher, floating-point operations by its flop counter,
on any device. On a GPU also samples a second, the share of the card's peak that they come to, and whether the goals
are met; on a CPU what share of a step Python takes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.profiler
from pydantic import Field
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from experiments.benchmarks.goals import READERS, Cost, markdown
from experiments.benchmarks.refine import motion
from experiments.report import write_files
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


class GpuBenchConfig(Config):
    """Sizes. steps: measured, of each training; batch: of the refiner (the paper's network), the others' their own;
    clips: that are learned from. device: the first GPU if there is one. core_steps: of readers on one CPU core, which a
    GPU is compared with.
    """

    steps: int = Field(20, ge=1)
    batch: int = Field(256, ge=1)
    clips: int = Field(256, ge=40)
    device: str = "auto"
    core_steps: int = Field(2, ge=1)
    only: list[str] = Field(["refiner", "recogniser", "translator"])


class _Operations(TorchDispatchMode):
    """Counts what is dispatched on a device, and where the host waits for it."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._kind = device.type
        self.launches = self.waits = self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given, name = kwargs or {}, func._overloadpacket.__name__
        result = func(*args, **given)
        inputs = [one for one in tree_leaves(args) if isinstance(one, torch.Tensor)]
        here = any(one.device.type == self._kind for one in inputs or tree_leaves(result) if hasattr(one, "device"))
        if here and name not in _NO_KERNEL:
            self.launches += 1
            self.bytes += _bytes(inputs) + _bytes(tree_leaves(given)) + _bytes(tree_leaves(result))
        leaves = name == "_to_copy" and torch.device(given.get("device") or self._kind).type != self._kind
        self.waits += here and (name in _WAITS or leaves)
        return result


def _bytes(leaves: Sequence[Any]) -> int:
    return sum(one.numel() * one.element_size() for one in leaves if isinstance(one, torch.Tensor))


def make(request: Request, config: GpuBenchConfig) -> None:
    """Measure all trainings and write the table."""
    device, core = resolve_device(config.device), torch.device("cpu")
    on_gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if on_gpu else "CPU, one thread"
    torch.set_num_threads(1)
    found = []
    for training, samples, owner, step, run in trainings(config, device):
        if training.split()[0] in config.only:
            row = cost(training, samples, owner, step, run, config.steps, device)
            if not on_gpu:
                row = replace(row, python=python_share(owner, step, run))
            found.append(row)
            log.info("%s: %s", training, found[-1])
    if on_gpu:
        names = [row.training for row in found if row.training in READERS]
        rates = {training: rate(samples, owner, step, run, config.core_steps, core)
                 for training, samples, owner, step, run in trainings(config, core) if training in names}  # fmt: skip
        found = [replace(row, one_core=rates.get(row.training)) for row in found]
    values = {**request.about(config, None), "device": name, "rows": [asdict(row) for row in found]}
    write_files(request.results, request.name, markdown(found, name, on_gpu), values)


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
    """Run a training three times: timed, with its operations counted, and with its flops."""
    speed = rate(samples, owner, step, run, steps, device)
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
        rate=speed,
        gbytes=operations.bytes / 1e9,
    )


def rate(samples: int, owner: type, step: str, run: Callable[[int], Any], steps: int, device: torch.device) -> float:
    """Samples a second of so many steps. Three steps warm up."""
    seconds: list[float] = []
    with _around(owner, step, lambda call: seconds.append(_timed(call, device))):
        run(steps + 3)
    return samples * steps / sum(seconds[3:])


def python_share(owner: type, step: str, run: Callable[[int], Any]) -> float:
    """Share of the second step of a training on a CPU that is spent outside of torch's operators, by its profiler,
    which makes Python slower."""
    seconds: list[float] = []
    inside: list[float] = []

    def profiled(call: Callable[[], Any]) -> None:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
        inside.append(sum(one.self_cpu_time_total for one in profile.key_averages()) / 1e6)

    with _around(owner, step, profiled):
        run(2)
    return max(0.0, 1 - inside[-1] / seconds[-1])


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
