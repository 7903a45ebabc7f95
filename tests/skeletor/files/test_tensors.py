import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from skeletor.files.tensors import parse_header, read_tensors, save_tensors
from skeletor.support.errors import InputError

WRITE = """
import sys, numpy as np
from skeletor.files.tensors import save_tensors
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


def test_damaged_files_and_numbers_that_are_no_weights_are_one_line(tmp_path):
    path = tmp_path / "x.safetensors"

    def refused(words):
        with pytest.raises(InputError, match=words) as caught:
            read_tensors(path, "f", "weights of a thing", "make them anew", "np")
        assert (
            "\n" not in str(caught.value) and str(path) in str(caught.value) and "make them anew" in str(caught.value)
        )

    refused("no such file")
    path.mkdir()
    refused("is a directory")
    path.rmdir()
    os.mkfifo(path)
    refused("is a pipe")
    path.unlink()
    for value in (np.nan, np.inf):
        for kind in (np.float32, np.float16):
            save_tensors({"good": np.ones(2), "bad": np.array([1, value], kind)}, path, {"format": "f"})
            refused("'bad' holds numbers that are not finite")
    assert np.isinf(read_tensors(path, "f", "w", "a", "np", finite=False)[1]["bad"][1])
    save_tensors({"a": np.ones(2)}, path, {"format": "g"})
    refused("not weights of a thing")
    save_tensors({"a": np.ones(2), "b": np.arange(3)}, path, {"format": "f"})
    assert set(read_tensors(path, "f", "w", "a", "pt")[1]) == {"a", "b"}
    data = path.read_bytes()
    for bad in (data[:-1], data + b"0", data[:40], b"\xff" * 8 + data[8:]):
        path.write_bytes(bad)
        refused("not a readable")


@pytest.mark.parametrize("text", [b"12", b"[]", b'"a"', b"{", b'{"a": 1}', b'{"__metadata__": 1}'])
def test_a_header_that_is_none_is_an_error_that_readers_expect(text):
    start = len(text).to_bytes(8, "little") + text
    with pytest.raises((ValueError, TypeError, KeyError)):
        parse_header(start, len(start))
