"""Files that take all memory, or all time: a few bytes that say, or become, thousands of millions."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.hardening.made.attack import Attack, Place, write
from tests.hardening.made.model_attacks import spoil_lifter
from tests.hardening.made.poses import pose_2d
from tests.hardening.made.videos import plain

_DEPTH = 100_000
_FLOW = "[" * _DEPTH + "]" * _DEPTH


def large() -> list[Attack]:
    """Every one."""
    return [*_arrays(), *_frames(), *_claims(), *_configs(), Attack("wide pixels", "estimate", _wide)]


def _arrays() -> list[Attack]:
    """Arrays that are larger than their files."""
    return [
        Attack("zip bomb .npz", "npz", _bomb("a.npz", "data.npy", _npy(400_000_000))),
        Attack("zip bomb .npz of arms", "arms", _bomb("b.npz", "data.npy", _npy(400_000_000))),
        Attack("zip bomb .npz of key points", "poses", _bomb("c.npz", "data.npy", _npy(1_777_777, 75, 3))),
        Attack("a .npy that says 400 GB", "poses", lambda p: write(p, "a.npy", _npy(10**9, 50, 2) + bytes(1000))),
        Attack("a .npy of a negative length", "poses", lambda p: write(p, "b.npy", _npy(-8, 75, 2) + bytes(4800))),
        Attack("a .npy of frames without points", "poses", lambda p: write(p, "d.npy", _npy(2**40, 0, 2))),
        Attack("a .npy header 100,000 deep", "poses", _nested),
        Attack("zip bomb .pt", "poses", _bomb("a.pt", "archive/data.pkl")),
        Attack("a .pt of stride 0", "poses", _strided),
        Attack("an .h5 of unwritten chunks", "poses", _unwritten),
    ]


def _bomb(name: str, member: str, head: bytes = b"") -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        block = bytes(1 << 24)
        with (
            zipfile.ZipFile(place.folder / name, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open(member, "w", force_zip64=True) as file,
        ):
            file._compressor = _Alike(block)  # type: ignore[attr-defined]
            file.write(head)
            for _ in range(96):  # 1.5 GB
                file.write(block)
        return place.folder / name

    return make


class _Alike:
    """A compressor that compresses a block once: behind a full flush it gives the same bytes again."""

    def __init__(self, block: bytes) -> None:
        self._zlib = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._block, self._same = block, self._flushed(block)

    def compress(self, data: bytes) -> bytes:
        """What is to be written of it."""
        return self._same if data is self._block else self._flushed(data)

    def flush(self) -> bytes:
        """The end."""
        return self._zlib.flush()

    def _flushed(self, data: bytes) -> bytes:
        return self._zlib.compress(data) + self._zlib.flush(zlib.Z_FULL_FLUSH)


def _npy(*shape: int) -> bytes:
    """The header of an array of this shape."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def _nested(place: Place) -> Path:
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {'(' * _DEPTH}{')' * _DEPTH}}}\n".encode()
    return write(place, "c.npy", b"\x93NUMPY\x02\0" + len(head).to_bytes(4, "little") + head)


def _strided(place: Place) -> Path:
    import torch

    torch.save({"a": torch.zeros(1).expand(10**7, 178, 3)}, place.folder / "a.pt")
    return place.folder / "a.pt"


def _unwritten(place: Place) -> Path:
    import h5py

    with h5py.File(place.folder / "a.h5", "w") as file:
        file.create_dataset("a", (10**7, 150), np.float32, chunks=(1000, 150), compression="gzip")
    return place.folder / "a.h5"


def _frames() -> list[Attack]:
    """Folders of frames."""
    crowd = '{"people": [' + ",".join(["{}"] * 10**6) + "]}"
    return [
        Attack("JSON 100,000 deep", "poses", _json('{"people": ' + _FLOW + "}")),
        Attack("a million empty people", "poses", _json(crowd), refused=False),
        Attack("a picture of 30,000 x 30,000", "video", _picture),
    ]


def _json(text: str) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        folder = place.folder / "frames"
        folder.mkdir(exist_ok=True)
        (folder / "clip_000000000000_keypoints.json").write_text(text)
        return folder

    return make


def _picture(place: Place) -> Path:
    folder = place.folder / "frames"
    folder.mkdir(exist_ok=True)
    side = 30_000
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    line = zlib.compressobj(1)
    data = b"".join(line.compress(bytes(3 * side + 1)) for _ in range(side)) + line.flush()
    chunks = [(b"IHDR", head), (b"IDAT", data), (b"IEND", b"")]
    content = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    (folder / "images0001.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return folder


def _claims() -> list[Attack]:
    """Headers that claim what is not there."""
    return [
        Attack("0.001 frames a second", "model poses", _slow(0.001)),
        Attack("5e-324 frames a second", "model poses", _slow(5e-324)),
        Attack("a header of 400 GB", "poses", _header),
        Attack("a lifter of a million blocks", "lifter", _blocks),
    ]


def _slow(rate: float) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        from skeletor.io import native

        native.write_pose(pose_2d(np.random.default_rng(1)), place.folder / "a.safetensors")
        data = (place.folder / "a.safetensors").read_bytes()
        length = int.from_bytes(data[:8], "little")
        head = data[8 : 8 + length].replace(b'\\"fps\\": 25.0', f'\\"fps\\": {rate!r}'.encode())
        head += b" " * (-len(head) % 8)
        return write(place, "a.safetensors", len(head).to_bytes(8, "little") + head + data[8 + length :])

    return make


def _header(place: Place) -> Path:
    says = {"a/keypoints": {"dtype": "F32", "shape": [10**9, 50, 2], "data_offsets": [0, 4 * 10**11]}}
    head = json.dumps(says).encode()
    return write(place, "a.safetensors", len(head).to_bytes(8, "little") + head)


def _blocks(place: Place) -> Path:
    return spoil_lifter(place, lambda c: c["model"].update(blocks=10**6))


def _configs() -> list[Attack]:
    """Texts of YAML."""
    texts = {
        "YAML 100,000 deep": f"seed: {_FLOW}\n",
        "YAML aliases in a value": _aliases(),
        "a number of 5,000 digits": f"seed: {'9' * 5000}\n",
        "a date as a seed": "seed: 2020-01-01\n",
    }
    return [Attack(name, "config", _config(text)) for name, text in texts.items()]


def _config(text: str) -> Callable[[Place], Path]:
    return lambda place: write(place, "run.yaml", text)


def _aliases() -> str:
    lines = ["seed: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"x{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 12)]
    return "\n".join([*lines, "workers: *a11", ""])


def _wide(place: Place) -> Path:
    """A clip with pixels 250 times as wide as high."""
    data = bytearray(plain())
    at = data.find(b"avcC")
    box = struct.pack(">I4sII", 16, b"pasp", 250, 1)
    start = at - 4 + int.from_bytes(data[at - 4 : at], "big")
    old = data.find(b"pasp")
    if old >= 0:
        data[old + 4 : old + 12] = box[8:]
        return write(place, "wide.mp4", bytes(data))
    data[start:start] = box
    for name in (b"avc1", b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        k = data.find(name) - 4
        data[k : k + 4] = (int.from_bytes(data[k : k + 4], "big") + len(box)).to_bytes(4, "big")
    return write(place, "wide.mp4", bytes(data))
