"""NumPy archives from outside."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from skeletor.files.read_only.npz import read_arrays
from skeletor.support.errors import InputError


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_arrays(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def archive(path: Path, members: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def test_all_kinds_of_arrays_come_back(tmp_path: Path) -> None:
    arrays = {
        "a": np.arange(12.0).reshape(3, 4).T,
        "b": np.array(["x", "yz"]),
        "c": np.array(3),
        "d": np.zeros((0, 2)),
        "e": np.array([True]),
        "f": np.ones((2, 3), ">i2"),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)
        found = read_arrays(tmp_path / "a.npz")
        assert set(found) == set(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype


def test_bombs_are_refused_before_they_unfold(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros((70, 1 << 20), np.uint8))
    assert (tmp_path / "a.npz").stat().st_size < 1e6
    refused(tmp_path / "a.npz", "20 times its own size")
    header = npy(np.zeros(4))[:128].replace(b"(4,)", b"(9e9")  # not a shape
    refused(archive(tmp_path / "b.npz", {"a.npy": header + bytes(32)}), "not a readable")
    huge = npy(np.zeros(4)).replace(b"(4,), }          ", b"(40000000000,), }")
    refused(archive(tmp_path / "c.npz", {"a.npy": huge}), "needs 320000000000 bytes")
    for kind in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        refused(archive(tmp_path / "d.npz", {"a.npy": npy(np.zeros(9))}, kind), "never uses")


def test_what_is_damaged_or_no_array_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    refused(tmp_path / "none.npz", "no such file")
    np.savez_compressed(path, a=np.random.default_rng(0).normal(size=400))
    data = bytearray(path.read_bytes())
    data[800] ^= 255  # zlib.error or a checksum that does not fit
    path.write_bytes(data)
    refused(path, "not a readable")
    path.write_bytes(data[:500])
    refused(path, "not a readable")
    np.savez(path, a=np.array([{}], dtype=object))
    refused(path, "holds objects")
    refused(archive(path, {"a.npy": npy(np.zeros(4)) + b"\0" * 8}), "needs 32 bytes, there are 40")
    refused(archive(path, {"readme.txt": b"hello"}), "not a readable")
