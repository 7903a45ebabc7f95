import os
import pickle
import resource
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skeletor.lifters.benchmarks.safe_npz import read_npz
from skeletor.support.errors import InputError


def archive(path: Path, payload: bytes) -> Path:
    """An npz whose one member is an object array with this pickle."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("data.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + payload)
    return path


def test_nested_dicts_lists_and_arrays_come_back(tmp_path: Path) -> None:
    content = {"S1": {"Walk 1": [np.arange(6.0).reshape(2, 3), np.array([True])], "n": np.float32(3), "t": ("a", None)}}
    np.savez(tmp_path / "a.npz", data=content, plain=np.eye(2), many=np.array([{}, [1]], dtype=object))  # type: ignore[arg-type]
    found = read_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(found["plain"], np.eye(2))
    np.testing.assert_array_equal(found["data"]["S1"]["Walk 1"][0], np.arange(6.0).reshape(2, 3))
    assert found["data"]["S1"]["n"] == 3 and found["data"]["S1"]["t"] == ("a", None)
    assert found["many"].tolist() == [{}, [1]]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_is_read(tmp_path: Path, protocol: int) -> None:
    value = {"a": np.arange(4, dtype=np.float32), "b": b"\xff\x00", "s": np.array(["x", "yz"])}
    found = read_npz(archive(tmp_path / "a.npz", pickle.dumps(np.array(value, dtype=object), protocol)))["data"]
    np.testing.assert_array_equal(found["a"], value["a"])
    assert found["b"] == value["b"] and found["s"].tolist() == ["x", "yz"]


class Evil:
    def __init__(self, call: Any, *arguments: Any) -> None:
        self.reduced = (call, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


@pytest.mark.parametrize(
    "make", [lambda m: Evil(os.mkdir, m), lambda m: Evil(eval, f"__import__('os').mkdir({m!r})"),
             lambda m: Evil(np.load, m), lambda m: Evil(np.ndarray.tofile, m)]
)  # fmt: skip
def test_nothing_else_is_run(tmp_path: Path, make: Any) -> None:
    mark = str(tmp_path / "made")
    with pytest.raises(InputError, match="more than arrays"):
        read_npz(archive(tmp_path / "a.npz", pickle.dumps({"x": make(mark)})))
    assert not Path(mark).exists()


def test_bytes_by_another_encoding_are_refused(tmp_path: Path) -> None:
    import codecs

    with pytest.raises(InputError, match="cannot be read"):
        read_npz(archive(tmp_path / "a.npz", pickle.dumps(Evil(codecs.encode, "a", "punycode"))))


def test_damaged_and_missing_files_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    whole = archive(tmp_path / "cut.npz", pickle.dumps({"a": np.arange(9)})[:-9])
    for path, words in (
        (tmp_path / "text.npz", "not a readable NumPy"),
        (whole, "cannot be read"),
        (tmp_path / "no", "no such"),
    ):
        with pytest.raises(InputError, match=words) as error:
            read_npz(path)
        assert "\n" not in str(error.value)


def test_types_and_shapes_that_do_not_fit_never_reach_numpy(tmp_path: Path) -> None:
    """NumPy believes a pickled type and crashes on some: none of these may end the process, or make a huge array."""
    sound = pickle.dumps(np.array({"a": np.arange(4.0), "s": np.float32(3)}, dtype=object), 2)
    assert read_npz(archive(tmp_path / "a.npz", sound))["data"]["s"] == 3
    state = b"K\x03X\x01\x00\x00\x00|"  # of the type of objects: version, order, then three times None
    at = sound.index(state) + len(state)
    at = sound.index(b"NNN", at)
    cases = [sound[:at] + b"M\x4e\x4e" + sound[at + 3 :], sound[:at] + b"K\x07N" + sound[at + 2 :]]
    cases.append(pickle.dumps(Evil(np.ndarray, (1 << 40,), np.dtype("f8"))))
    cases.append(sound.replace(b"K\x04\x85", b"K\x05\x85").replace(b"f8", b"V8"))
    for number, case in enumerate(cases):
        assert case != sound
        with pytest.raises(InputError, match=f"{number}.npz") as caught:
            read_npz(archive(tmp_path / f"{number}.npz", case))
        assert "\n" not in str(caught.value)


def test_a_pickle_that_asks_for_gigabytes_is_refused_at_once(tmp_path: Path) -> None:
    sound = pickle.dumps(np.array({"a": 1}, dtype=object), 2)
    at = sound.index(b"q\x01")  # a place of the memo: one byte for its number
    for case in (
        sound[:at] + b"r\xff\xff\xff\x7f" + sound[at + 2 :],
        b"\x80\x05\x96" + (1 << 36).to_bytes(8, "little") + b"ab.",
        b"\x80\x04\x8e" + (1 << 62).to_bytes(8, "little") + b"ab.",
    ):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(InputError, match="cannot be read"):
            read_npz(archive(tmp_path / "a.npz", case))
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
