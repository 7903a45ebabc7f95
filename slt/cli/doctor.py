"""`slt doctor`: installed packages, estimators that work, the device."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
from typing import TYPE_CHECKING, Any

from skeletor.support.command import Parser
from slt.translate.joey import DISTRIBUTION

if TYPE_CHECKING:
    from skeletor.support.registry import Registry

PACKAGES = ("torch", DISTRIBUTION, "mediapipe", "protobuf", "numpy", "opencv-python-headless", "av", "pose-format",
            "safetensors", "sacrebleu", "rouge-score", "sentencepiece")  # fmt: skip


def main(command: str, argv: list[str], text: str) -> int:
    """Print the state of the installation; gives exit code 2 if a package that `slt` needs is missing, else 0."""
    parser = Parser(f"slt {command}", description=text)
    parser.parse_args(argv)
    print(f"Python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")
    missing = []
    for package in PACKAGES:
        try:
            print(f"  {package:24} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
            print(f"  {package:24} not installed")
    print(_devices())

    from slt.estimators.registry import ESTIMATORS

    print("estimators:")
    for name, estimator in ESTIMATORS.items():
        reason = estimator.unavailable()
        print(f"  {name:14} {'works' if reason is None else 'not available: ' + reason}")

    from skeletor.lifters.choice import NETWORKS, SHIPPED_KIND, newest_lifter
    from skeletor.lifters.registry import LIFTERS, SHIPPED
    from skeletor.poses.key_frames import UPSAMPLINGS
    from skeletor.refiners.registry import REFINERS
    from skeletor.refiners2d.registry import REFINERS_2D
    from slt.inference.chain import newest_model, shipped_model
    from slt.translate.config import PRESETS

    print("lifters (--lift):")
    _list(LIFTERS)
    for name, config in NETWORKS.items():
        found = newest_lifter(name) or (SHIPPED if name == SHIPPED_KIND else None)
        print(f"  {name:16} {found or f'no weights yet: slt lift train {config}'}")
    print("sparse 2D (--pose-stride N), all frames by --upsample:")
    for name, what in UPSAMPLINGS.items():
        print(f"  {name:16} {what}")
    print("2D refiners (--refine2d):")
    _list(REFINERS_2D)
    print("refiners (--refine):")
    _list(REFINERS)
    print("translators (translate.preset):")
    for name in PRESETS:
        print(f"  {name:16} {PRESETS.about(name)}")

    model = newest_model()
    print(f"newest model: {model or 'none yet (`make pipeline` trains one)'}")
    print(f"shipped model: {shipped_model() or 'left out'}")
    if missing:
        print("to mend: `make setup` (or `uv sync`)")
    return 2 if missing else 0


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """It has no options but --help."""
    return Parser(f"slt {command}", description=text)


def _list(registry: Registry[Any, Any]) -> None:
    """One line for each stage of a kind: what it is, or why it cannot work here."""
    for name, entry in registry.items():
        reason = entry.unavailable()
        print(f"  {name:16} {entry.about if reason is None else 'not available: ' + reason}")


def _devices() -> str:
    try:
        import torch
    except ImportError:
        return "device: torch is not installed"
    if torch.cuda.is_available():
        return f"device: cuda ({torch.cuda.get_device_name(0)})"
    return f"device: cpu ({torch.get_num_threads()} threads)"
