"""Files of ONNX models for tests, written byte by byte: the package `onnx` wants another protobuf than MediaPipe.

Only what these tests need of the format (onnx.proto): a graph of nodes, float and int64 constants, and attributes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

_FLOAT, _INT64 = 1, 7
Shape = Sequence[int | str]
Attribute = int | float | Sequence[int]


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def _int(place: int, number: int) -> bytes:
    return _varint(place << 3) + _varint(number)


def _bytes(place: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return _varint(place << 3 | 2) + _varint(len(content)) + content


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, float):
        return _bytes(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _int(20, 1)
    if isinstance(value, int):
        return _bytes(1, name) + _int(3, value) + _int(20, 2)
    return _bytes(1, name) + b"".join(_int(8, one) for one in value) + _int(20, 7)


def _value(name: str, shape: Shape, kind: int = _FLOAT) -> bytes:
    dims = b"".join(_bytes(1, _bytes(2, n) if isinstance(n, str) else _int(1, n)) for n in shape)
    return _bytes(1, name) + _bytes(2, _bytes(1, _int(1, kind) + _bytes(2, dims)))


@dataclass
class Graph:
    """Nodes in order. Calling it adds one and gives the name of its output."""

    nodes: list[bytes] = field(default_factory=list)
    constants: list[bytes] = field(default_factory=list)

    def __call__(self, kind: str, *inputs: str, **attributes: Attribute) -> str:
        name = f"v{len(self.nodes)}"
        parts = b"".join(_bytes(1, one) for one in inputs) + _bytes(2, name) + _bytes(4, kind)
        self.nodes.append(parts + b"".join(_bytes(5, _attribute(key, value)) for key, value in attributes.items()))
        return name

    def constant(self, values: object, outside: str = "") -> str:
        """A constant; int64 for whole numbers. outside: a file that holds it in the model's place."""
        array = np.asarray(values)
        whole = array.dtype.kind == "i"
        name = f"c{len(self.constants)}"
        about = b"".join(_int(1, n) for n in array.shape) + _int(2, _INT64 if whole else _FLOAT) + _bytes(8, name)
        content = array.astype("<i8" if whole else "<f4").tobytes()
        held = _bytes(13, _bytes(1, "location") + _bytes(2, outside)) + _int(14, 1) if outside else _bytes(9, content)
        self.constants.append(about + held)
        return name

    def write(
        self, path: Path, outputs: Mapping[str, Shape], size: tuple[int, int], batch: int | str = 1, channels: int = 3
    ) -> Path:
        """The file of the model. outputs: name -> shape; "labels" are int64. size: (width, height) of the input."""
        last = b"".join(
            _bytes(1, _bytes(1, self.alias[name]) + _bytes(2, name) + _bytes(4, "Identity")) for name in outputs
        )
        graph = b"".join(_bytes(1, node) for node in self.nodes) + last + _bytes(2, "tiny")
        graph += b"".join(_bytes(5, constant) for constant in self.constants)
        graph += _bytes(11, _value("input", (batch, channels, size[1], size[0])))
        for name, shape in outputs.items():
            graph += _bytes(12, _value(name, shape, _INT64 if name == "labels" else _FLOAT))
        path.write_bytes(_int(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _int(2, 17)))
        return path

    alias: dict[str, str] = field(default_factory=dict)  # output's name -> the node's
