"""Confidences in 3 bits: what is kept exactly, and how much is lost."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from skeletor.learning.data.quantise import LEVELS, pack_confidence, packed_bytes, unpack_confidence

values = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(1, 60)), elements=st.floats(0, 1, width=32)
)  # fmt: skip


@given(values)
def test_zero_threshold_and_error(confidence: np.ndarray) -> None:
    packed = pack_confidence(confidence)
    assert packed.shape == (len(confidence), packed_bytes(confidence.shape[1])) and packed.dtype == np.uint8
    back = unpack_confidence(torch.from_numpy(packed), confidence.shape[1]).numpy()
    np.testing.assert_array_equal(back > 0, confidence > 0)
    limit = np.float32(0.1)
    np.testing.assert_array_equal(back >= limit, confidence >= limit)
    error = np.abs(back - confidence)
    assert error.max() <= 0.0851
    assert (error[confidence < 0.15] <= 0.0501).all()


def test_levels_come_back_and_batches_unpack_alike() -> None:
    levels = np.tile(np.float32(LEVELS), (4, 3, 2))  # (4, 3, 16)
    packed = torch.from_numpy(np.stack([pack_confidence(x) for x in levels]))
    np.testing.assert_array_equal(unpack_confidence(packed, 16), levels)
    assert packed_bytes(50) == 19
