"""A TFLite model whose later layers are computed in 8-bit integers in place of floating point: less CPU time.

Weights are rounded with a scale for each channel, activations with one for each tensor (Jacob et al. 2018,
"Quantization and training of neural networks for efficient integer-arithmetic-only inference"), as TFLite's own
converter does. It is done in memory, from the float model. What a ReLU6 gives lies in 0 to 6; the ranges of all other
tensors have to be given.

The first layers stay as they are: their channels differ so much that rounding them is what costs accuracy, and they
gain little. From the last convolution on all is in floating point again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

Range = tuple[float, float]
_LEVELS = 255  # steps from -128 to 127
_WEIGHTS = 127  # weights are symmetric about 0
_BIASES = 2.0**30  # within 32 bits
_RELU6: Range = (0.0, 6.0)


def in_integers(model: bytes, first: int, ranges: Mapping[int, Range]) -> bytes:
    """The model with its convolutions and additions from its `first` operator on in 8-bit integers.

    first: counted without the operators that only unpack weights. ranges: lowest and highest value of each tensor that
    `open_tensors` names. ValueError if one is missing, or the bytes are no TFLite model.
    """
    missing = set(open_tensors(model, first)) - set(ranges)
    if missing:
        raise ValueError(f"no range is given for the tensors {sorted(missing)}")
    return _Rewriter(read(model), first, ranges).written()


def open_tensors(model: bytes, first: int) -> list[int]:
    """Numbers of the tensors whose range `in_integers` has to know, in order."""
    read_model = read(model)
    whole = [operator for operator in work(read_model)[first:] if _is_whole(read_model, operator)]
    made = {int(operator.outputs[0]): operator for operator in whole}
    entering = {int(tensor) for operator in whole for tensor in _activations(read_model, operator)} - set(made)
    return sorted(entering | {tensor for tensor, operator in made.items() if not _has_relu6(operator)})


def read(model: bytes) -> Any:
    """The tables of a TFLite model (`ModelT` of its schema). ValueError if it is none, or has several graphs."""
    from mediapipe.tasks.metadata import schema_py_generated as schema

    if model[4:8] != b"TFL3":
        raise ValueError("not a TFLite model")
    found = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    if len(found.subgraphs) != 1:
        raise ValueError(f"a model of {len(found.subgraphs)} graphs")
    return found


def write(model: Any) -> bytes:
    """The bytes of a model; what no operator needs any more is left out."""
    import flatbuffers

    graph = model.subgraphs[0]
    used = {int(tensor) for operator in graph.operators for tensor in (*operator.inputs, *operator.outputs)}
    kept = {graph.tensors[tensor].buffer for tensor in used} | {each.buffer for each in model.metadata or ()}
    for number, buffer in enumerate(model.buffers):
        if number not in kept:
            buffer.data = None
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def work(model: Any) -> list[Any]:
    """Its operators in order, but for those that unpack weights."""
    graph, unpacking = model.subgraphs[0], _unpacking(model)
    return [operator for operator in graph.operators if int(operator.outputs[0]) not in unpacking]


def _unpacking(model: Any) -> dict[int, Any]:
    """Tensor of weights -> the operator that unpacks it from 16 bits."""
    dequantize = _names().DEQUANTIZE
    found = (operator for operator in model.subgraphs[0].operators if _kind(model, operator) == dequantize)
    return {int(operator.outputs[0]): operator for operator in found}


def _names() -> Any:
    from mediapipe.tasks.metadata import schema_py_generated as schema

    return schema.BuiltinOperator


def _kind(model: Any, operator: Any) -> int:
    """Number of the operator in the schema; old files have it in another field."""
    code = model.operatorCodes[operator.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def _is_whole(model: Any, operator: Any) -> bool:
    """Whether it is one of those that are computed in integers."""
    names = _names()
    return _kind(model, operator) in (names.CONV_2D, names.DEPTHWISE_CONV_2D, names.ADD)


def _activations(model: Any, operator: Any) -> Any:
    """Those of its inputs that are no weights."""
    return operator.inputs if _kind(model, operator) == _names().ADD else operator.inputs[:1]


def _has_relu6(operator: Any) -> bool:
    from mediapipe.tasks.metadata import schema_py_generated as schema

    return bool(operator.builtinOptions.fusedActivationFunction == schema.ActivationFunctionType.RELU6)


class _Rewriter:
    """Makes the operators of a model anew, one after the other."""

    def __init__(self, model: Any, first: int, ranges: Mapping[int, Range]) -> None:
        from mediapipe.tasks.metadata import schema_py_generated as schema

        self._schema, self._model, self._graph = schema, model, model.subgraphs[0]
        self._first, self._ranges = first, ranges
        self._unpacking = _unpacking(model)
        self._operators: list[Any] = []
        self._whole: dict[int, int] = {}  # tensor -> the one that has it in integers
        self._steps: dict[int, np.float32] = {}  # of the tensors in integers
        self._floating = {int(tensor) for tensor in self._graph.inputs}

    def written(self) -> bytes:
        """The bytes of the new model."""
        for number, operator in enumerate(work(self._model)):
            if number >= self._first and _is_whole(self._model, operator):
                self._operators.append(self._in_integers(operator))
            else:
                self._as_it_is(operator)
        for tensor in self._graph.outputs:
            self._float(int(tensor))
        self._graph.operators = self._operators
        return write(self._model)

    def _as_it_is(self, operator: Any) -> None:
        for tensor in map(int, operator.inputs):
            unpacking = self._unpacking.get(tensor)
            if unpacking is None:
                self._float(tensor)
            elif tensor not in self._floating:
                self._floating.add(tensor)
                self._operators.append(unpacking)
        self._floating.update(map(int, operator.outputs))
        self._operators.append(operator)

    def _in_integers(self, operator: Any) -> Any:
        names, kind, out = self._schema.BuiltinOperator, _kind(self._model, operator), int(operator.outputs[0])
        if kind == names.ADD:
            inputs, version = [self._integer(int(tensor)) for tensor in operator.inputs], 2
        else:
            inputs, version = list(self._convolution(operator, 3 if kind == names.DEPTHWISE_CONV_2D else 0)), 3
        made = copy.copy(operator)
        made.opcodeIndex, made.inputs = self._code(kind, version), inputs
        made.outputs = [self._activation(out, _RELU6 if _has_relu6(operator) else self._ranges[out])]
        return made

    def _convolution(self, operator: Any, channels: int) -> Iterator[int]:
        """Its inputs in integers: picture, weights, bias. channels: the axis of the weights' output channels."""
        types = self._schema.TensorType
        picture, weights, bias = map(int, operator.inputs)
        yield self._integer(picture)
        values, constant = self._constant(weights), self._constant(bias)
        axes = tuple(axis for axis in range(values.ndim) if axis != channels)
        step = self._steps[self._whole[picture]]
        steps = np.abs(values).max(axis=axes) / _WEIGHTS
        steps = np.maximum(steps, np.abs(constant) / (step * _BIASES))  # a channel of zeros may have a large bias
        steps = np.where(steps > 0, steps, np.float32(1))
        shape = [-1 if axis == channels else 1 for axis in range(values.ndim)]
        rounded = np.round(values / steps.reshape(shape)).astype(np.int8)
        yield self._tensor(weights, types.INT8, steps, 0, rounded, channels)
        yield self._tensor(bias, types.INT32, steps * step, 0, np.round(constant / (steps * step)).astype(np.int32))

    def _constant(self, tensor: int) -> np.ndarray:
        """The values of weights, float32."""
        unpacking = self._unpacking.get(tensor)
        held = self._graph.tensors[tensor if unpacking is None else int(unpacking.inputs[0])]
        kind = np.float32 if held.type == self._schema.TensorType.FLOAT32 else np.float16
        data = bytes(self._model.buffers[held.buffer].data)
        return np.frombuffer(data, kind).astype(np.float32).reshape(held.shape)

    def _integer(self, tensor: int) -> int:
        """The tensor that has this one in integers; an operator makes it if it is not there."""
        if tensor not in self._whole:
            made = self._activation(tensor, self._ranges[tensor])
            self._convert("QUANTIZE", 1, tensor, made)
        return self._whole[tensor]

    def _float(self, tensor: int) -> None:
        """The same the other way round."""
        if tensor in self._whole and tensor not in self._floating:
            self._floating.add(tensor)
            self._convert("DEQUANTIZE", 2, self._whole[tensor], tensor)

    def _convert(self, name: str, version: int, source: int, target: int) -> None:
        operator = self._schema.OperatorT()
        operator.opcodeIndex = self._code(getattr(self._schema.BuiltinOperator, name), version)
        operator.inputs, operator.outputs = [source], [target]
        self._operators.append(operator)

    def _activation(self, tensor: int, values: Range) -> int:
        """A new tensor for its values in integers. 0 is one of them, exactly: convolutions pad with it."""
        low, high = min(values[0], 0.0), max(values[1], 0.0)
        step = np.float32((high - low) / _LEVELS or 1.0)
        zero = round(-128 - low / float(step))
        made = self._tensor(tensor, self._schema.TensorType.INT8, np.array([step]), zero)
        self._whole[tensor], self._steps[made] = made, step
        return made

    def _tensor(
        self, like: int, kind: int, steps: np.ndarray, zero: int, values: np.ndarray | None = None, channels: int = 0
    ) -> int:
        """The number of a new tensor of that shape. Its integers, less `zero`, times `steps` are what it stands for."""
        schema, old = self._schema, self._graph.tensors[like]
        made, rounding = schema.TensorT(), schema.QuantizationParametersT()
        rounding.scale, rounding.zeroPoint = steps.astype(np.float32), np.full(len(steps), zero, np.int64)
        rounding.quantizedDimension = channels
        made.name, made.shape, made.hasRank, made.type = old.name, old.shape, old.hasRank, kind
        made.quantization, made.buffer = rounding, 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            self._model.buffers.append(buffer)
            made.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(made)
        return len(self._graph.tensors) - 1

    def _code(self, kind: int, version: int) -> int:
        """Where the model lists this operator in this version."""
        for place, code in enumerate(self._model.operatorCodes):
            if (max(code.builtinCode, code.deprecatedBuiltinCode), code.version) == (kind, version):
                return place
        made = self._schema.OperatorCodeT()
        made.builtinCode, made.deprecatedBuiltinCode, made.version = kind, kind, version  # both below 127
        self._model.operatorCodes.append(made)
        return len(self._model.operatorCodes) - 1
