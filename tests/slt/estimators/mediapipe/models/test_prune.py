"""A model without one of its outputs. That the others stay the same is tested in test_mediapipe.py."""

from __future__ import annotations

import pytest

from slt.estimators.mediapipe import estimator as mediapipe
from slt.estimators.mediapipe.models.pose_model import places
from slt.estimators.mediapipe.models.prune import without_output

if mediapipe.unavailable():
    pytest.skip(f"mediapipe: {mediapipe.unavailable()}", allow_module_level=True)


def graph(model: bytes):
    from mediapipe.tasks.metadata import schema_py_generated as schema

    return schema.Model.GetRootAs(model, 0).Subgraphs(0)


@pytest.fixture(scope="module")
def pose_model() -> bytes:
    return next(places("full")).read_bytes()


def test_only_what_serves_the_output_alone_goes(pose_model: bytes) -> None:
    before, after = graph(pose_model), graph(without_output(pose_model, 2))
    operators = [tuple(before.Operators(k).OutputsAsNumpy()) for k in range(before.OperatorsLength())]
    left = [tuple(after.Operators(k).OutputsAsNumpy()) for k in range(after.OperatorsLength())]
    assert left == [made for made in operators if made in left], "the same ones, in the same order"
    assert 0 < len(operators) - len(left) < 60
    made = {tensor for tensors in left for tensor in tensors}
    old, new = before.OutputsAsNumpy().tolist(), after.OutputsAsNumpy().tolist()
    assert [tensor for k, tensor in enumerate(new) if k != 2] == [tensor for k, tensor in enumerate(old) if k != 2]
    assert set(new) <= made and old[2] not in made
    needed = {tensor for k in range(len(left)) for tensor in after.Operators(k).InputsAsNumpy().tolist()}
    everything = {tensor for tensors in operators for tensor in tensors}
    assert needed & everything <= made, "nothing that is still needed has gone"


@pytest.mark.parametrize("output", [-1, 5, 99])
def test_there_must_be_such_an_output(pose_model: bytes, output: int) -> None:
    with pytest.raises(ValueError, match="has no output"):
        without_output(pose_model, output)


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="not a TFLite model"):
        without_output(b"no model at all", 0)
