"""Model folders and weights that want to be more than data, or say what cannot be."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from skeletor.poses.pose import file_sha256
from tests.hardening.made.attack import Attack, Place, write


def spoil(place: Place, change: Callable[[dict[str, Any], Path], None], rehash: bool = True) -> Path:
    """A copy of the model folder with its `model.yaml` and files changed; its hashes are made to fit again."""
    folder = place.folder / "model"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(place.model, folder)
    config = yaml.safe_load((folder / "model.yaml").read_text(encoding="utf-8"))
    change(config, folder)
    if rehash:
        config["files"] = {name: file_sha256(folder / name) for name in config["files"] if (folder / name).is_file()}
    (folder / "model.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    return folder


def tensors(path: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    """Change the arrays of a safetensors file; its header's metadata stay."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(path, framework="np") as file:
        about = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    change(arrays)
    save_file(arrays, path, about)


def folders() -> list[Attack]:
    """Model folders that point elsewhere, or do not fit."""

    def away(place: Place) -> str:
        return os.path.relpath(place.outside / "lifter.safetensors", place.folder / "model")

    return [
        Attack("lift.weights: ../", "model", _lifter(away)),
        Attack("lift.weights: absolute", "model", _lifter(lambda p: str(p.outside / "lifter.safetensors"))),
        Attack("symlink out of a model folder", "model", _symlink("translator.safetensors")),
        Attack("symlinked abstention", "model", _symlink("abstention.safetensors")),
        Attack("files: {} in a model folder", "model", _unhashed),
        Attack("../ and absolute paths among a model's files", "model", _listed),
        Attack("weights that do not match", "model", _sizes),
        Attack("YAML aliases in model.yaml", "model", _aliases),
    ]


def _lifter(where: Callable[[Place], str]) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        return spoil(place, lambda c, f: c.update(lift={"mode": "learned", "weights": where(place)}))

    return make


def _symlink(name: str) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        def change(config: dict[str, Any], folder: Path) -> None:
            shutil.copyfile(folder / name, place.outside / name)
            (folder / name).unlink()
            (folder / name).symlink_to(place.outside / name)

        return spoil(place, change)

    return make


def _unhashed(place: Place) -> Path:
    def change(config: dict[str, Any], folder: Path) -> None:
        config["files"] = {}
        tensors(folder / "translator.safetensors", lambda a: _multiply(a, 2.0))

    return spoil(place, change, rehash=False)


def _listed(place: Place) -> Path:
    def change(config: dict[str, Any], folder: Path) -> None:
        secret = place.outside / "secret.bin"
        config["files"][f"../../../{secret.relative_to(secret.anchor)}"] = "0" * 64
        config["files"][str(secret)] = "0" * 64

    return spoil(place, change, rehash=False)


def _sizes(place: Place) -> Path:
    def cut(arrays: dict[str, np.ndarray]) -> None:
        for name in list(arrays):
            if arrays[name].ndim == 2:
                arrays[name] = np.ascontiguousarray(arrays[name][:, :-1])

    return spoil(place, lambda c, folder: tensors(folder / "translator.safetensors", cut))


def _aliases(place: Place) -> Path:
    folder = spoil(place, lambda c, f: None)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 12)]
    with (folder / "model.yaml").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\nnormalise: *a11\n")
    return folder


def _multiply(arrays: dict[str, np.ndarray], factor: float) -> None:
    for name in arrays:
        if arrays[name].dtype.kind == "f":
            arrays[name] = arrays[name] * arrays[name].dtype.type(factor)


def spoil_lifter(place: Place, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of the weights that come with slt whose header says something else."""
    from tests.hardening.children import ROOT

    data = (ROOT / "skeletor" / "lifters" / "weights" / "joint_token.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + length])
    about = head["__metadata__"]
    for key, text in about.items():
        try:
            values = json.loads(text)
        except ValueError:  # plain text
            continue
        if isinstance(values, dict) and "blocks" in json.dumps(values):
            target = values if "model" in values else {"model": values}
            change(target)
            about[key] = json.dumps(values)
    new = json.dumps(head).encode()
    new += b" " * (-len(new) % 8)
    return write(place, "lifter.safetensors", len(new).to_bytes(8, "little") + new + data[8 + length :])


def values() -> list[Attack]:
    """Numbers that are none, and tensors that are no arrays."""

    def nan_bank(place: Place) -> Path:
        def change(config: dict[str, Any], folder: Path) -> None:
            tensors(folder / "abstention.safetensors", lambda a: a.update(bank=np.full_like(a["bank"], np.nan)))

        return spoil(place, change)

    def nan_weights(place: Place) -> Path:
        def change(config: dict[str, Any], folder: Path) -> None:
            tensors(folder / "translator.safetensors", lambda a: _multiply(a, np.nan))

        return spoil(place, change)

    def odd(kind: str) -> Callable[[Place], Path]:
        def make(place: Place) -> Path:
            import torch

            tensor = torch.zeros(3, 178, 3)
            values = {
                "sparse": tensor.to_sparse(),
                "meta": torch.zeros(3, 178, 3, device="meta"),
                "quantised": torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8),
            }
            torch.save({"a": values[kind]}, place.folder / "a.pt")
            return place.folder / "a.pt"

        return make

    def thresholds(value: object) -> Callable[[Place], Path]:
        def make(place: Place) -> Path:
            return spoil(place, lambda c, f: c.update(fps=value))

        return make

    return [
        Attack("NaN in the abstention's bank", "abstaining model", nan_bank),
        Attack("NaN in the translator's weights", "abstaining model", nan_weights),
        Attack("a sparse tensor in a .pt", "poses", odd("sparse")),
        Attack("a tensor of no device in a .pt", "poses", odd("meta")),
        Attack("a quantised tensor in a .pt", "poses", odd("quantised")),
        Attack("a model whose fps is NaN", "model", thresholds(float("nan"))),
        Attack("a model whose fps is a text", "model", thresholds("quick")),
    ]
