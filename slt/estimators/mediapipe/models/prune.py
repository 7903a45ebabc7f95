"""Cut off a TFLite model what only serves an output that nobody reads.

MediaPipe's pose model also draws a 256x256 mask of the person, always, asked for or not. TFLite computes every
operator that is in the file. Without those of the mask alone the other outputs are the same, bit for bit (tested).
The file format is a flatbuffer (schema: tensorflow/lite/schema/schema.fbs); the model is changed in its bytes.
"""

from __future__ import annotations

import struct
from typing import Any

_OUTPUTS, _OPERATORS = 2, 3  # fields of a subgraph, by their number in the schema


def without_output(model: bytes, output: int) -> bytes:
    """The model without the operators that only output `output` (its number) needs.

    In that place stands the smallest other output instead, so that the others keep their numbers. ValueError if the
    bytes are no TFLite model with one graph and at least two outputs, of which `output` is one.
    """
    from mediapipe.tasks.metadata import schema_py_generated as schema

    if model[4:8] != b"TFL3":
        raise ValueError("not a TFLite model")
    read: Any = schema.Model.GetRootAs(model, 0)
    graph = read.Subgraphs(0)
    outputs = [int(tensor) for tensor in graph.OutputsAsNumpy()]
    others = [tensor for place, tensor in enumerate(outputs) if place != output]
    if read.SubgraphsLength() != 1 or len(others) != len(outputs) - 1 or not others:
        raise ValueError(
            f"a model of {read.SubgraphsLength()} graphs and {len(outputs)} outputs has no output {output}"
        )
    smallest = min(others, key=lambda tensor: graph.Tensors(tensor).ShapeAsNumpy().prod())
    changed = bytearray(model)
    _keep(changed, _vector(graph, _OPERATORS), _needed(graph, others))
    struct.pack_into("<i", changed, _vector(graph, _OUTPUTS) + 4 * output, smallest)
    return bytes(changed)


def _needed(graph: Any, outputs: list[int]) -> list[int]:
    """Numbers of the operators that these tensors come from."""
    operators = [graph.Operators(k) for k in range(graph.OperatorsLength())]
    maker = {tensor: k for k, operator in enumerate(operators) for tensor in operator.OutputsAsNumpy().tolist()}
    needed: set[int] = set()
    open_tensors = list(outputs)
    while open_tensors:
        made_by = maker.get(open_tensors.pop())
        if made_by is not None and made_by not in needed:
            needed.add(made_by)
            open_tensors += operators[made_by].InputsAsNumpy().tolist()
    return sorted(needed)


def _vector(graph: Any, field: int) -> int:
    """Where the elements of a subgraph's vector begin; its length stands in the 4 bytes before."""
    table = graph._tab
    return int(table.Vector(table.Offset(4 + 2 * field)))


def _keep(model: bytearray, start: int, kept: list[int]) -> None:
    """Shorten a vector of tables to those elements. An element is the distance from its own place to its table."""
    places = [start + 4 * k for k in kept]
    tables = [place + struct.unpack_from("<I", model, place)[0] for place in places]
    for k, table in enumerate(tables):
        struct.pack_into("<I", model, start + 4 * k, table - (start + 4 * k))
    struct.pack_into("<I", model, start - 4, len(kept))
