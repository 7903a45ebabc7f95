"""Devices of networks: names turned into devices, generators seeded, Fabric set up."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import torch

from skeletor.support.errors import InputError

if TYPE_CHECKING:
    from lightning_fabric import Fabric


TORCHRUN = "TORCHELASTIC_RUN_ID"  # in the environment of what torchrun starts
# A process may wait so long for another one: the first one validates, decodes and writes alone. A dead one is noticed
# by torchrun, not by this.
WAIT = timedelta(days=7)


def process_rank() -> int:
    """The rank of this process under torchrun (0 to world size - 1), 0 without it."""
    return int(os.environ.get("RANK", "0")) if TORCHRUN in os.environ else 0


def process_count() -> int:
    """How many processes torchrun started, on all machines; 1 without it."""
    return int(os.environ["WORLD_SIZE"]) if TORCHRUN in os.environ else 1


def resolve_device(name: str | torch.device = "auto") -> torch.device:
    """The device of a name: "cpu", "cuda" (the first GPU; under torchrun this process's), "cuda:1", or "auto": a GPU
    if there is one.

    A GPU always comes with its index: what forks and seeds generators refuses a device without. Raises InputError for
    a device that is unknown, or not there.
    """
    if str(name) == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device {str(name)!r} is unknown; give cpu, cuda, cuda:1 or auto") from error
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type != "cuda":
        raise InputError(f"device {str(name)!r} is not supported; give cpu, cuda, cuda:1 or auto")
    if not torch.cuda.is_available():
        raise InputError(f"device {name}: this torch sees no GPU; use device cpu, or install torch for CUDA")
    index = device.index if device.index is not None else _own_gpu()
    count = torch.cuda.device_count()
    if index >= count:
        raise InputError(f"device {name}: there is no GPU {index} here, only 0 to {count - 1}; give one of them")
    return torch.device("cuda", index)


def _own_gpu() -> int:
    return int(os.environ.get("LOCAL_RANK", "0")) if TORCHRUN in os.environ else 0


@contextlib.contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """In the block a CPU computes with so many threads, behind it with as many as before.

    Sums depend on their number in the last digit: what is computed later must not depend on what went before.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """In the block, torch's generators of the CPU and of `device` start from `seed`; afterwards they are as before."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        seed_generators(seed, device)
        yield


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed torch's generators of the CPU and of `device`; those of other GPUs are left alone."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


def make_fabric(device: torch.device, bf16: bool) -> Fabric:
    """Fabric for one device, or for data parallel training where torchrun started this process.

    bf16: autocast to bfloat16, on GPUs only. With torchrun each process takes one GPU of its machine, or all processes
    share the CPU (gloo). Gradients are averaged over the processes.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy
    from lightning_fabric.strategies.single_device import SingleDeviceStrategy

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed" if bf16 and device.type == "cuda" else "32-true"
    if TORCHRUN in os.environ:
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        fabric = Fabric(
            accelerator=device.type,
            devices=here,
            num_nodes=process_count() // here,
            strategy=DDPStrategy(timeout=WAIT, broadcast_buffers=False),  # see skeletor.learning.statistics
            precision=precision,
        )
    else:
        fabric = Fabric(accelerator=device.type, devices=1, strategy=SingleDeviceStrategy(device), precision=precision)
    fabric.launch()
    return fabric
