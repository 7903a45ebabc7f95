"""A whole tiny model folder, and seeded ways to spoil it as an attacker would, who can also put right its hashes."""

import copy
import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import yaml
from safetensors import safe_open
from safetensors.numpy import save_file

from skeletor.io.formats import write_pose
from skeletor.lifters.learned.networks.joint_token import JointTokenConfig
from skeletor.lifters.learned.networks.registry import build_network, network_arguments
from skeletor.lifters.learned.weights import LifterInfo, save_lifter
from skeletor.poses.pose import PoseSequence, Provenance, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.networks.build import build_network as build_refiner_network
from skeletor.refiners.training.config import RefinerTrainConfig
from skeletor.refiners.training.train import model_arguments
from skeletor.refiners.weights import RefinerInfo, save_refiner
from skeletor.refiners2d.fit import fit_refiner_2d
from skeletor.refiners2d.port.refiner import PortOptions
from skeletor.refiners2d.weights import save_refiner_2d
from slt.inference.model_folder import Card, ModelConfig, save_model_folder
from slt.translate.abstain import fit_abstention
from slt.translate.config import PRESETS
from slt.translate.joey.batches import Example
from slt.translate.train import train_translator
from slt.translate.translator import Translator
from tests.skeletor.refiners2d.parts2d import clips

WEIGHTS = ("translator", "abstention", "refiner", "refine2d", "lifter")
ODD = (
    None, True, False, -1, 0, 1, 2, 7, 10**6, 10**30, -0.5, 0.5, 1e308, math.nan, math.inf, "", "x", "none", "../x",
    "/etc/passwd", "9" * 200, [], {}, [1], [[1, 2]], [None], {"a": 1}, ["x"] * 3, [-1], [10**9], "skeletor", "learned",
)  # fmt: skip


def poses_3d(number: int, seed: int = 0) -> list[PoseSequence]:
    rng = np.random.default_rng(seed)
    return [
        PoseSequence(rng.normal(size=(k, 50, 3)), np.ones((k, 50)), 25, SIGNING_50, Provenance(units="shoulder"))
        for k in range(12, 12 + number)
    ]


def make_model(root: Path) -> Path:
    """A model folder with every kind of weights, all of them tiny and as good as untrained."""
    examples = [Example(f"c{k}", pose, "am tag regnet es .") for k, pose in enumerate(poses_3d(8))]
    options = PRESETS["tiny"].model_copy(update={"max_updates": 2, "validate_every": 2, "width": 16})
    train_translator(examples, examples, options, root / "translator", 0, "cpu")
    poses = [e.pose for e in examples]
    abstention = fit_abstention(
        Translator.load(root / "translator", "cpu"), poses, poses, poses, sparse={2: (poses, poses)}
    )
    config = RefinerTrainConfig.model_validate(
        {"model": {"d_model": 8, "d_ff": 8, "heads": 2, "layers": 1}, "window": 8}
    )
    arguments = model_arguments(config, SIGNING_50, 3)
    info = RefinerInfo("small", arguments, config.fill, 0.1, SIGNING_50, 25.0, "shoulder")
    save_refiner(build_refiner_network(arguments), info, root / "refiner.safetensors")
    lifting = network_arguments(JointTokenConfig(width=8, heads=2, blocks=1), SIGNING_50)
    save_lifter(build_network(lifting), LifterInfo(lifting, "signing_50", 25.0, 0.1, 9.0), root / "lifter.safetensors")
    port = {"width": 4, "inner": 4, "heads": 1, "layers": 1, "steps": 2}
    given = PortOptions.model_validate({"parts": ["hand"], "stride": 1, "port": port})
    fitted, bones = fit_refiner_2d(*clips(8, 0), given, 1)
    save_refiner_2d(fitted, given, bones, root / "refine2d.safetensors")
    sections = ModelConfig(
        estimator={"name": "poses"}, estimator_version="1", lift={"mode": "learned"}, fps=25.0,
        refine={"name": "skeletor", "batch": 64}, refine2d={"name": "port"},
    )  # fmt: skip
    return save_model_folder(
        root / "model", sections, root / "translator", abstention, {}, Card("t", "d", "l", "none"),
        root / "refiner.safetensors", root / "refine2d.safetensors", root / "lifter.safetensors",
    )  # fmt: skip


def write_input(path: Path) -> Path:
    """A file of 2D poses that the model can take."""
    pose = poses_3d(4, 9)[3]
    write_pose(pose.replace(pose.keypoints[..., :2] * 100 + 200, units="pixel"), path)
    return path


def spoiled(model: Path, target: Path, outside: Path, seed: int) -> str:
    """Write a spoiled copy of the model to `target`; gives what was done to it. outside: where links lead to."""
    rng = np.random.default_rng(seed)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(model, target)
    kinds = (_value, _value, _text, _header, _header, _header, _tensor, _tensor, _bytes, _vocabulary, _link)
    return kinds[rng.integers(len(kinds))](target, outside, rng)


def rehash(folder: Path) -> None:
    """Put right the hashes of a folder's files, if its `model.yaml` can be read."""
    config = yaml.safe_load((folder / "model.yaml").read_text())
    config["files"] = {name: file_sha256(folder / name) for name in config["files"]}
    (folder / "model.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def edit(tree: object, rng: np.random.Generator) -> tuple[object, str]:
    """A copy of a plain value with one of its parts exchanged, removed or doubled; and which."""
    tree = copy.deepcopy(tree)
    node, key, names = {"": tree}, "", []
    while isinstance(node[key], dict | list) and node[key] and (not names or rng.random() < 0.8):
        node = node[key]
        key = list(node)[rng.integers(len(node))] if isinstance(node, dict) else int(rng.integers(len(node)))
        names.append(str(key))
    if rng.random() < 0.15 and names:
        del node[key]
        return tree, f"{'.'.join(names)} removed"
    value = ODD[rng.integers(len(ODD))]
    if names:
        node[key] = value
    else:
        tree = value
    return tree, f"{'.'.join(names)} = {str(value)[:40]}"


def _value(folder: Path, _: Path, rng: np.random.Generator) -> str:
    config, what = edit(yaml.safe_load((folder / "model.yaml").read_text()), rng)
    (folder / "model.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return f"model.yaml: {what}"


def _text(folder: Path, _: Path, rng: np.random.Generator) -> str:
    data = bytearray((folder / "model.yaml").read_bytes())
    place = int(rng.integers(len(data)))
    new = (b"&a [*a]", b"!!python/name:os.system", b"\t", b"\xff", b"{" * 200, b"<<: *x", b"\x00", b": ", b"'", b"\n",
           b"2020-13-45")  # fmt: skip
    piece = new[rng.integers(len(new))]
    data[place : place + int(rng.integers(3))] = piece
    (folder / "model.yaml").write_bytes(bytes(data))
    return f"model.yaml: {piece!r} at {place}"


def read_parts(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Metadata and arrays of a safetensors file."""
    with safe_open(path, "np") as file:
        return dict(file.metadata()), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _header(folder: Path, _: Path, rng: np.random.Generator) -> str:
    name = WEIGHTS[rng.integers(len(WEIGHTS))]
    path = folder / f"{name}.safetensors"
    metadata, arrays = read_parts(path)
    key = sorted(metadata)[rng.integers(len(metadata))]
    try:
        value, what = edit(json.loads(metadata[key]), rng)
        metadata[key] = json.dumps(value)
    except ValueError:
        what = "removed"
        del metadata[key]
    if rng.random() < 0.1:
        metadata[key], what = ("[" * 50_000, "", "{", "9" * 6000)[rng.integers(4)], "no JSON"
    save_file(arrays, path, metadata)
    rehash(folder)
    return f"{name}: {key}: {what}"


def _tensor(folder: Path, _: Path, rng: np.random.Generator) -> str:
    name = WEIGHTS[rng.integers(len(WEIGHTS))]
    path = folder / f"{name}.safetensors"
    metadata, arrays = read_parts(path)
    key = sorted(arrays)[rng.integers(len(arrays))]
    array = arrays[key]
    kind = ("nan", "inf", "transposed", "int", "half", "removed", "renamed", "empty", "wide", "huge", "zero", "minus")
    what = kind[rng.integers(len(kind))]
    first = np.arange(array.size).reshape(array.shape) == 0
    new = {
        "nan": lambda: np.full_like(array, np.nan), "inf": lambda: np.where(first, np.inf, array).astype(array.dtype),
        "transposed": lambda: np.ascontiguousarray(array.T), "int": lambda: array.astype(np.int8),
        "half": lambda: array.astype(np.float16), "empty": lambda: array[:0] if array.ndim else array.reshape(0),
        "wide": lambda: array[..., None].copy(), "huge": lambda: np.full_like(array, 1e38),
        "zero": lambda: np.zeros_like(array), "minus": lambda: -array,
    }  # fmt: skip
    if what in ("removed", "renamed"):
        del arrays[key]
        if what == "renamed":
            arrays[key + "x"] = array
    else:
        arrays[key] = np.ascontiguousarray(new[what]())
    save_file(arrays, path, metadata)
    rehash(folder)
    return f"{name}: {key}: {what}"


def _bytes(folder: Path, _: Path, rng: np.random.Generator) -> str:
    name = WEIGHTS[rng.integers(len(WEIGHTS))]
    path = folder / f"{name}.safetensors"
    data = bytearray(path.read_bytes())
    if rng.random() < 0.3:
        del data[int(rng.integers(len(data))) :]
    else:
        reach = len(data) if rng.random() < 0.3 else 400
        for place in rng.integers(reach, size=3):
            data[int(place)] = int(rng.integers(256))
    path.write_bytes(bytes(data))
    rehash(folder)
    return f"{name}: bytes"


def _vocabulary(folder: Path, _: Path, rng: np.random.Generator) -> str:
    path = folder / "vocabulary.txt"
    data = path.read_bytes()
    texts = (b"", b"\xff\xfe", data * 2, data[:-3], b"<unk>\n<pad>\n<s>\n</s>\n" + b"a" * 10_000)
    path.write_bytes(texts[rng.integers(len(texts))])
    rehash(folder)
    return "vocabulary"


def _link(folder: Path, outside: Path, rng: np.random.Generator) -> str:
    names = sorted(path.name for path in folder.iterdir())
    name = names[rng.integers(len(names))]
    (outside / name).write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    os.symlink(outside / name if rng.random() < 0.5 else os.path.relpath(outside / name, folder), folder / name)
    return f"link: {name}"
