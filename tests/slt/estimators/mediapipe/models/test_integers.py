"""The hand model in 8-bit integers beside the same in floating point."""

from __future__ import annotations

import numpy as np
import pytest

from slt.estimators.mediapipe import estimator as mediapipe
from slt.estimators.mediapipe.models.hand_model import hand_file, read_hand_model
from slt.estimators.mediapipe.models.integers import in_integers, open_tensors, read, work, write

if mediapipe.unavailable():
    pytest.skip(f"mediapipe: {mediapipe.unavailable()}", allow_module_level=True)
FIRST = 50  # of 64 operators: little is left to be done


@pytest.fixture(scope="module")
def model() -> bytes:
    return hand_file("full").read_bytes()


@pytest.fixture(scope="module")
def whole(model: bytes) -> bytes:
    return in_integers(model, FIRST, dict.fromkeys(open_tensors(model, FIRST), (-20.0, 30.0)))


def constants(model, tensor: int) -> np.ndarray:
    """What a constant stands for, whatever its type."""
    held = model.subgraphs[0].tensors[tensor]
    kind = {0: np.float32, 1: np.float16, 2: np.int32, 9: np.int8}[held.type]
    values = np.frombuffer(bytes(model.buffers[held.buffer].data), kind).astype(np.float64).reshape(held.shape)
    if held.quantization is None or held.quantization.scale is None:
        return values
    shape = [-1 if axis == held.quantization.quantizedDimension else 1 for axis in range(values.ndim)]
    return values * np.asarray(held.quantization.scale, np.float64).reshape(shape)


def unpacked(model, tensor: int) -> int:
    """The tensor in 16 bits that this one is unpacked from, or itself."""
    found = [each for each in model.subgraphs[0].operators if int(each.outputs[0]) == tensor]
    return int(found[0].inputs[0]) if found else tensor


def test_only_ends_that_have_no_relu6_need_a_range(model: bytes) -> None:
    """All tensors of more operators are among those of fewer ones, but for the one that then leads into them."""
    few, more = open_tensors(model, FIRST), open_tensors(model, FIRST - 10)
    assert few == sorted(few) and len(set(few) - set(more)) <= 1 and len(few) < len(more)
    graph = read(model).subgraphs[0]
    assert all(len(graph.tensors[tensor].shape) == 4 for tensor in more)


def test_the_operators_before_stay_as_they_are(model: bytes, whole: bytes) -> None:
    before, after = read(model), read(whole)
    old, new = work(before)[:FIRST], work(after)[:FIRST]
    for one, other in zip(old, new, strict=True):
        assert list(one.inputs) == list(other.inputs) and list(one.outputs) == list(other.outputs)
        for tensor in map(int, one.inputs[1:] if len(one.inputs) == 3 else ()):  # an addition has no weights
            was, now = (constants(each, unpacked(each, tensor)) for each in (before, after))
            assert np.array_equal(was, now)
    assert list(after.subgraphs[0].outputs) == list(before.subgraphs[0].outputs)
    assert all(after.subgraphs[0].tensors[int(tensor)].type == 0 for tensor in after.subgraphs[0].outputs), "float"


def test_weights_are_rounded_by_half_a_step_at_most(model: bytes, whole: bytes) -> None:
    before, after = read(model), read(whole)
    names = {each.name: each for each in after.subgraphs[0].tensors if each.type == 9 and each.buffer}
    old = {each.name: number for number, each in enumerate(before.subgraphs[0].tensors)}
    numbers = {id(each): number for number, each in enumerate(after.subgraphs[0].tensors)}
    assert len(names) == 5
    for name, held in names.items():
        away = constants(after, numbers[id(held)]) - constants(before, unpacked(before, old[name]))
        shape = [-1 if axis == held.quantization.quantizedDimension else 1 for axis in range(4)]
        steps = np.asarray(held.quantization.scale, np.float64).reshape(shape)
        assert (np.abs(away) <= 0.5001 * steps).all()


def test_zero_is_kept_and_the_range_is_covered(whole: bytes) -> None:
    after = read(whole)
    rounded = [each for each in after.subgraphs[0].tensors if each.type == 9 and not each.buffer]
    for each in rounded:
        step, zero = float(each.quantization.scale[0]), int(each.quantization.zeroPoint[0])
        low, high = step * (-128 - zero), step * (127 - zero)
        wanted = (0.0, 6.0) if low > -1 else (-20.0, 30.0)
        assert -128 <= zero <= 127 and (low, high) == pytest.approx(wanted, abs=step)


def test_what_it_needs_is_told(model: bytes) -> None:
    tensors = open_tensors(model, FIRST)
    with pytest.raises(ValueError, match=rf"no range is given for the tensors \[{tensors[0]}\]"):
        in_integers(model, FIRST, dict.fromkeys(tensors[1:], (0.0, 1.0)))
    with pytest.raises(ValueError, match="not a TFLite model"):
        read(b"no model at all")


def test_it_is_smaller_and_the_same_each_time(model: bytes) -> None:
    read_hand_model.cache_clear()
    first = read_hand_model("int8")
    read_hand_model.cache_clear()
    assert first == read_hand_model("int8") and len(first) < 0.7 * len(model)
    assert read_hand_model("full") == model, "bit for bit the file of the wheel"


def test_writing_leaves_the_weights_that_are_used(model: bytes) -> None:
    again = read(write(read(model)))
    before = read(model)
    for one, other in zip(before.subgraphs[0].tensors, again.subgraphs[0].tensors, strict=True):
        assert np.array_equal(before.buffers[one.buffer].data, again.buffers[other.buffer].data)
