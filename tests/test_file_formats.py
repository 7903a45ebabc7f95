"""What files of earlier versions have in their headers: a change of these words makes them unreadable."""

from __future__ import annotations

import pytest

from skeletor.io import native
from skeletor.learning.data import frame_store
from skeletor.lifters.learned import weights as lifter_weights
from skeletor.refiners import weights as refiner_weights
from skeletor.refiners2d import weights as refiner2d_weights
from slt.inference import model_files
from slt.sign2text import translator as sign2text
from slt.translate import abstain, translator


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (native.FORMAT, "skeletor.pose"),
        (frame_store.FORMAT, "skeletor.frames"),
        (refiner_weights.FORMAT, "skeletor-refiner-1"),
        (refiner2d_weights.FORMAT, "skeletor-refiner-2d-1"),
        (lifter_weights.FORMAT, "slt-lifter-1"),
        (model_files.FORMAT, "slt-model-1"),
        (translator._FORMAT, "slt-translator-1"),
        (abstain._FORMAT, "slt-abstention-1"),
        (sign2text._FORMAT, "slt-sign2text-1"),
    ],
)
def test_formats_keep_their_names(found: str, wanted: str) -> None:
    assert found == wanted
