"""One device or several processes: Lightning Fabric set up for the refiner's training."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def process_rank() -> int:
    """This process's number under torchrun, 0 without it."""
    return int(os.environ.get("RANK", "0")) if "TORCHELASTIC_RUN_ID" in os.environ else 0


def make_fabric(device: torch.device, bf16: bool) -> Fabric:
    """Fabric for one device, or for data parallel training where torchrun started this process.

    bf16: autocast to bfloat16, on GPUs only. With torchrun each process takes one GPU of its machine, or all
    share the CPU (gloo); gradients are averaged over the processes.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import DDPStrategy, SingleDeviceStrategy

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed" if bf16 and device.type == "cuda" else "32-true"
    if "TORCHELASTIC_RUN_ID" in os.environ:
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        fabric = Fabric(
            accelerator=device.type,
            devices=here,
            num_nodes=int(os.environ["WORLD_SIZE"]) // here,
            strategy=DDPStrategy(broadcast_buffers=False),  # they never change
            precision=precision,
        )
    else:
        fabric = Fabric(accelerator=device.type, devices=1, strategy=SingleDeviceStrategy(device), precision=precision)
    fabric.launch()
    return fabric
