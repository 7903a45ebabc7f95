"""What decides whether the results of an engine are still the same: here, the weights of an estimator."""

from __future__ import annotations

from pathlib import Path

import pytest

from skeletor.support.errors import InputError
from slt.cli.engines.options import decides, estimator_files
from slt.inference.chain import shipped_model


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of weights that are not named."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = tmp_path / "skeletor-slt" / "rtmlib" / "pose.onnx"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"one")
    return file


def test_the_weights_of_an_estimator_count_by_their_bytes(cached: Path) -> None:
    def told(path: Path) -> str:
        return decides([], None, estimator_files({"estimator": "rtmlib", "pose_weights": str(path)}))

    before = told(cached)
    moved = cached.with_name("moved.onnx")
    moved.write_bytes(cached.read_bytes())
    assert told(moved) == before
    moved.write_bytes(b"two")
    assert told(moved) != before


def test_without_a_name_it_is_the_one_of_the_model(cached: Path) -> None:
    assert estimator_files({"estimator": "rtmlib"}) == [cached]
    model = shipped_model()
    if model is not None:
        assert estimator_files({"estimator": None, "model": model}) == []  # MediaPipe
    assert estimator_files({"estimator": "mediapipe"}) == estimator_files({"lift": "fast", "model": "none"}) == []
    with pytest.raises(InputError, match="--estimator"):
        estimator_files({"estimator": "psychic"})
