"""The ranges that the hand model's tensors take, without which it cannot be put into 8-bit integers.

Over the training clips of a run that have pixels: the hand model looks at each hand where the truth has it, then where
it would look next, as the tracker does. Of what it computes there, lowest and highest values are kept. They come with
the package (`slt.estimators.mediapipe.models.hand_model`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from experiments.ablations.sparse import videos_of
from experiments.request import ROOT, Request
from skeletor.files.atomic import write_text
from skeletor.poses.pose import PoseSequence, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import progress
from slt.estimators.mediapipe import graphs
from slt.estimators.mediapipe.models.hand_model import hand_file
from slt.estimators.mediapipe.models.integers import open_tensors, read, write
from slt.synthetic import build
from slt.video import open_video

PART, SIDES = "train", ("left", "right")
_AROUND = 2.0  # of the first look: the side of its square, in the hand's larger extent


class RangesConfig(Config):
    """first: the first operator in integers. every: the N-th frames are looked at. out: the file, by default the
    package's."""

    first: int = Field(10, ge=0)
    every: int = Field(8, ge=1)
    out: str = str(ROOT / "slt" / "estimators" / "mediapipe" / "hand_ranges.py")


def with_ranges(model: bytes, tensors: Sequence[int]) -> bytes:
    """The model with one output only: (1, 1, 1, 2 N) highest and lowest value of each of N tensors of four axes."""
    from mediapipe.tasks.metadata import schema_py_generated as schema

    made = read(model)
    graph, names = made.subgraphs[0], schema.BuiltinOperator

    def tensor(shape: Sequence[int], kind: int, values: np.ndarray | None = None) -> int:
        new = schema.TensorT()
        new.shape, new.type, new.buffer = np.array(shape, np.int32), kind, 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            made.buffers.append(buffer)
            new.buffer = len(made.buffers) - 1
        graph.tensors.append(new)
        return len(graph.tensors) - 1

    def operator(kind: int, inputs: Sequence[int], shape: Sequence[int], options: tuple[int, Any]) -> int:
        code, new = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = kind, kind, 1
        made.operatorCodes.append(code)
        out = tensor(shape, schema.TensorType.FLOAT32)
        new.opcodeIndex, new.inputs, new.outputs = len(made.operatorCodes) - 1, list(inputs), [out]
        new.builtinOptionsType, new.builtinOptions = options
        graph.operators.append(new)
        return out

    axes = tensor([4], schema.TensorType.INT32, np.arange(4, dtype=np.int32))
    keep, join = schema.ReducerOptionsT(), schema.ConcatenationOptionsT()
    keep.keepDims, join.axis = True, 3
    ends = [
        operator(kind, [each, axes], [1, 1, 1, 1], (schema.BuiltinOptions.ReducerOptions, keep))
        for each in tensors
        for kind in (names.REDUCE_MAX, names.REDUCE_MIN)
    ]
    options = schema.BuiltinOptions.ConcatenationOptions, join
    graph.outputs = [operator(names.CONCATENATION, ends, [1, 1, 1, len(ends)], options)]
    return write(made)


def places(truth: PoseSequence, frame: int) -> Iterator[Any]:
    """Packets with a square around each hand that is wholly in the picture."""
    from mediapipe.framework.formats import rect_pb2
    from mediapipe.python import packet_creator

    size = np.array(truth.provenance.image_size)
    for side in SIDES:
        hand = truth.keypoints[frame, list(SIGNING_50.group(f"{side}_hand"))]  # (21, 2)
        low, high = hand.min(0), hand.max(0)
        if (low >= 0).all() and (high < size).all():
            middle, width = (low + high) / 2 / size, _AROUND * (high - low).max() / size
            rect = rect_pb2.NormalizedRect(
                x_center=middle[0], y_center=middle[1], width=width[0], height=width[1], rotation=0.0
            )
            yield packet_creator.create_proto(rect)


def measured(model: bytes, tensors: Sequence[int], run: Path, every: int) -> tuple[np.ndarray, int]:
    """(N, 2) lowest and highest values of the tensors over the hands of the run's training clips, and how many."""
    from mediapipe.python import packet_creator, packet_getter
    from mediapipe.python._framework_bindings.image_frame import ImageFormat

    part, truth = graphs.hand_values(with_ranges(model, tensors)), build.open_truth(run / "corpus", PART, planar=True)
    found: list[np.ndarray] = []
    for name, path in progress(sorted(videos_of(run, PART).items()), "hand ranges", unit="clip"):
        with open_video(path) as video:
            for number, picture in enumerate(video.every(every)):
                if picture is None:
                    continue
                image = packet_creator.create_image_frame(picture, image_format=ImageFormat.SRGB)
                for place in places(truth[name], number):
                    seen = graphs.hand("full", 0)({"image": image, graphs.PLACE: place})
                    if graphs.NEXT_PLACE in seen:
                        values = part({"image": image, graphs.PLACE: seen[graphs.NEXT_PLACE]})
                        found.append(np.array(packet_getter.get_float_list(values[graphs.VALUES])))
    part.close()
    if not found:
        raise InputError(f"{run}: no hand is seen in its training clips; give a run of configs/demo.yaml")
    ends = np.array(found).reshape(len(found), -1, 2)  # (hands, tensors, highest and lowest)
    return np.stack([ends[..., 1].min(0), ends[..., 0].max(0)], 1), len(found)


def make(request: Request, config: RangesConfig) -> None:
    """Measure and write. InputError if the run has no training clips with pixels."""
    file = hand_file("full")
    model = file.read_bytes()
    tensors = open_tensors(model, config.first)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"SymbolDatabase\.GetPrototype")
        ranges, hands = measured(model, tensors, request.finished, config.every)
    lines = [
        f'"""Lowest and highest values of tensors of {file.name} over {hands} looks at hands.',
        "",
        f'Made by `{request.command}`.\n"""\n',
        f'SHA256 = "{file_sha256(file)}"  # of the file',
        f"FIRST = {config.first}  # operator that is put into integers, see `integers`",
        "RANGES = {",
        *(f"    {tensor}: ({low:.3f}, {high:.3f})," for tensor, (low, high) in zip(tensors, ranges, strict=True)),
        "}",
    ]
    write_text(Path(config.out), "\n".join(lines) + "\n")
