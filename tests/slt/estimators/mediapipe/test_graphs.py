import pytest

from slt.estimators.mediapipe import graphs
from slt.estimators.mediapipe.estimator import unavailable

if unavailable() is not None:
    pytest.skip(f"mediapipe: {unavailable()}", allow_module_level=True)


def test_a_part_that_could_not_be_loaded_is_loaded_anew():
    whole = graphs.hand("full", 0)
    part = graphs.Part(whole.config, (graphs.HAND,), {})  # without its model
    with pytest.raises((RuntimeError, ValueError)):
        part.load()
    part.side = whole.side
    part.load()
    part.close()
