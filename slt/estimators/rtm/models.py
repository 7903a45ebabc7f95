"""Files of ONNX models, loaded by onnxruntime: what each has to be is checked before the first picture.

A file is read once: the bytes that are hashed are the bytes that run. A model that keeps weights in further files is
refused, since its hash would not tell which. Nothing is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from skeletor.files.outside import existing_file, reading
from skeletor.support.errors import InputError

POINTS = 133  # of COCO-WholeBody
SPLIT = 2  # bins of SimCC a pixel of the model's input; rtmlib knows no other
WHAT = "model file (.onnx)"
_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
_FATAL = 4  # of onnxruntime's levels: what it raises is told by us
# Where the further files of a model would be looked for: nowhere.
_NO_FOLDER = ("session.model_external_initializers_file_folder_path", "/dev/null/none")


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model. sha256: of its bytes. size: (width, height) in pixels of its input (1, 3, height, width)."""

    path: Path
    sha256: str
    session: Any
    size: tuple[int, int]

    def run(self, picture: np.ndarray) -> list[np.ndarray]:
        """Its outputs for an input (1, 3, height, width) float32; InputError if it fails on it."""
        with reading(self.path, WHAT):
            return list(self.session.run(None, {self.session.get_inputs()[0].name: picture}))


def load_pose_model(path: Path, device: str = "auto") -> Model:
    """A model from a crop of one person to SimCC (1, 133, 2 width) and (1, 133, 2 height) of the input's size.

    device: "cpu", "cuda", "cuda:1", or "auto": a GPU if this onnxruntime uses one. Raises InputError if there is no
    such model in the file, or no such device.
    """
    model = _load(path, device)
    width, height = model.size
    found = [tuple(values.shape) for values in _tried(model)]
    wanted = [(1, POINTS, SPLIT * width), (1, POINTS, SPLIT * height)]
    if found != wanted:
        raise InputError(
            f"{path}: gives {_shapes(found)}, no {_shapes(wanted)}: SimCC of the {POINTS} points of a whole body; "
            "give an RTMW or RTMPose model of whole bodies, as .onnx"
        )
    return model


def load_detector(path: Path, device: str = "auto") -> Model:
    """A YOLOX: boxes (1, N, 5) with their labels, or raw (1, N, 5 + classes).

    device and errors as of `load_pose_model`.
    """
    model = _load(path, device)
    outputs = _tried(model)
    first = outputs[0].shape if outputs else ()
    cells = sum((model.size[0] // stride) * (model.size[1] // stride) for stride in (8, 16, 32))
    boxes = len(first) == 3 and first[0] == 1 and first[2] == 5
    raw = len(first) == 3 and first[0] == 1 and first[2] > 5 and first[1] == cells
    if not (boxes or raw):
        found = _shapes([tuple(values.shape) for values in outputs])
        raise InputError(f"{path}: gives {found}, no boxes (1, N, 5) of a YOLOX; give one that finds people, as .onnx")
    return model


def _tried(model: Model) -> list[np.ndarray]:
    """What the model gives for a black picture: the shapes in its file may be open, or wrong."""
    return model.run(np.zeros((1, 3, model.size[1], model.size[0]), np.float32))


def _load(path: Path, device: str) -> Model:
    existing_file(path, WHAT)
    found = path.stat()
    stamp = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
    # What OpenCV may take: one thread in the worker processes of this project, which share the cores by clips.
    return _loaded(path, stamp, device, max(1, cv2.getNumThreads()))


@lru_cache(maxsize=2)
def _loaded(path: Path, stamp: tuple[int, ...], device: str, threads: int) -> Model:
    """One of each kind for the process: loading takes seconds, and a worker builds an estimator for each clip."""
    import onnxruntime

    providers = _providers(device, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _FATAL
    options.add_session_config_entry(*_NO_FOLDER)
    with reading(path, WHAT):
        content = path.read_bytes()
        if content.startswith(b"PK"):
            raise InputError("is a zip archive; unpack it and give the .onnx file in it")
        session = onnxruntime.InferenceSession(content, options, providers=providers)
    if device.startswith("cuda") and session.get_providers()[0] != _CUDA:
        raise InputError(f"device {device}: onnxruntime cannot use it (CUDA or cuDNN do not fit); use device cpu")
    return Model(path, sha256(content).hexdigest(), session, _input_size(path, session.get_inputs()))


def _providers(device: str, there: Sequence[str]) -> list[Any]:
    """onnxruntime's providers for a device's name; InputError if it is unknown, or not there."""
    named = re.fullmatch(r"cuda(?::(\d+))?", device)
    if device not in ("auto", "cpu") and named is None:
        raise InputError(f"device {device!r} is unknown; give cpu, cuda, cuda:1 or auto")
    if named is not None and _CUDA not in there:
        raise InputError(
            f"device {device}: this onnxruntime runs on the CPU alone; install onnxruntime-gpu in its place, "
            "or use device cpu"
        )
    if device == "cpu" or _CUDA not in there:
        return [_CPU]
    return [(_CUDA, {"device_id": int((named and named[1]) or 0)}), _CPU]


def _input_size(path: Path, inputs: Sequence[Any]) -> tuple[int, int]:
    """(width, height) of the one input of pictures; InputError if there is no such."""
    shape = list(inputs[0].shape) if len(inputs) == 1 else []
    fixed = len(shape) == 4 and shape[1] == 3 and all(isinstance(n, int) and n > 0 for n in shape[2:])
    if not fixed or (isinstance(shape[0], int) and shape[0] != 1) or inputs[0].type != "tensor(float)":
        wants = ", ".join(f"{one.type} {_shapes([tuple(one.shape)])}" for one in inputs)
        raise InputError(
            f"{path}: its input is {wants or 'nothing'}, no tensor(float) (1, 3, height, width) of a fixed size; "
            "export it so"
        )
    return int(shape[3]), int(shape[2])


def _shapes(shapes: Sequence[tuple[Any, ...]]) -> str:
    return " and ".join(f"({', '.join(map(str, shape))})" for shape in shapes) or "nothing"
