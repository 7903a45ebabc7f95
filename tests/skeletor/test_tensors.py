import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from skeletor.tensors import save_tensors

WRITE = """
import sys, numpy as np
from skeletor.tensors import save_tensors
save_tensors({"b": np.arange(6.0).reshape(2, 3), "a": np.ones(3, np.int64)}, sys.argv[1], dict.fromkeys("zyxwä", "1"))
"""


def test_two_processes_write_the_same_bytes(tmp_path):
    files = [tmp_path / f"{k}.safetensors" for k in range(3)]
    for file in files:
        subprocess.run([sys.executable, "-c", WRITE, str(file)], check=True)
    assert len({file.read_bytes() for file in files}) == 1


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=6))
def test_what_was_written_is_read(tmp_path_factory, metadata):
    path = tmp_path_factory.mktemp("tensors") / "x.safetensors"
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)
    save_tensors({"x": array}, path, metadata)
    with safe_open(path, framework="np") as file:
        assert (file.metadata() or {}) == metadata
        np.testing.assert_array_equal(file.get_tensor("x"), array)


def test_nothing_is_left_behind_when_it_cannot_be_written(tmp_path):
    with pytest.raises(Exception):  # noqa: B017 - whatever the library says of objects
        save_tensors({"x": np.array([object()])}, tmp_path / "x.safetensors", {})
    assert list(tmp_path.iterdir()) == []
