"""Files that want to be more than data: that run code, read other files, or take all memory."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.hardening.made.attack import Attack, Bomb, Place, write
from tests.hardening.made.model_attacks import folders, spoil_lifter, values
from tests.hardening.made.poses import pose_2d
from tests.hardening.made.videos import plain

DEPTH = 100_000


def all_attacks() -> list[Attack]:
    """Every one."""
    return [*_code(), *_elsewhere(), *folders(), *_large(), *values()]


def _code() -> list[Attack]:
    def pickled(name: str) -> Callable[[Place], Path]:
        return lambda place: write(place, name, pickle.dumps({"a": Bomb(place.canary)}))

    def torch_file(name: str, legacy: bool) -> Callable[[Place], Path]:
        def make(place: Place) -> Path:
            import torch

            torch.save({"a": Bomb(place.canary)}, place.folder / name, _use_new_zipfile_serialization=not legacy)
            return place.folder / name

        return make

    def npz(place: Place) -> Path:
        array = np.empty((), object)
        array[()] = Bomb(place.canary)
        np.savez(place.folder / "a.npz", data=array)
        return place.folder / "a.npz"

    def key_points(name: str) -> Callable[[Place], Path]:
        def make(place: Place) -> Path:
            array = np.full((8, 75, 3), Bomb(place.canary), object)
            np.save(place.folder / name, array) if name.endswith("y") else np.savez(place.folder / name, data=array)
            return place.folder / name

        return make

    def h5(place: Place) -> Path:
        import h5py

        data = pickle.dumps(Bomb(place.canary))
        with h5py.File(place.folder / "a.h5", "w") as file:
            file["a"] = np.void(data)
            file["b"] = np.frombuffer(data.ljust(150, b"\0")[:150], np.uint8).reshape(1, 150)
            file["b"].attrs["c"] = np.void(data)
        return place.folder / "a.h5"

    def checkpoint(place: Place) -> Path:
        import torch

        from tests.hardening.made.jobs import train_refiner

        train_refiner(4).prepare(place.folder)
        (place.folder / "out").mkdir(exist_ok=True)
        torch.save({"identity": Bomb(place.canary)}, place.folder / "out" / "refiner.checkpoint.pt")
        return place.folder / "train.yaml"

    def tag(place: Place) -> Path:
        return write(place, "run.yaml", f"seed: !!python/object/apply:os.system [\"touch '{place.canary}'\"]\n")

    return [
        Attack("pickle in .pt", "poses", pickled("a.pt")),
        Attack("pickle in .pt of torch", "poses", torch_file("a.pt", False)),
        Attack("pickle in legacy .pt of torch", "poses", torch_file("b.pt", True)),
        Attack("pickle in .ckpt (sign2text's network)", "cnn", torch_file("a.ckpt", False)),
        Attack("pickle in a checkpoint of a training", "train", checkpoint, refused=False),
        Attack("pickle in .npz", "npz", npz),
        Attack("pickle in .npz of arms", "arms", npz),
        Attack("pickle in .npz of key points", "poses", key_points("a.npz")),
        Attack("pickle in .npy of key points", "poses", key_points("a.npy")),
        Attack("pickle in .h5", "poses", h5, refused=False),
        Attack("YAML tag in a config", "config", tag),
    ]


def _elsewhere() -> list[Attack]:
    def external(place: Place) -> Path:
        import h5py

        path = place.folder / "a.h5"
        outside = place.outside / "secret.bin"
        with h5py.File(path, "w") as file:
            file.create_dataset("a", (1, 150), np.float32, external=[(str(outside), 0, 600)])
        return path

    def linked(place: Place) -> Path:
        import h5py

        path = place.folder / "a.h5"
        with h5py.File(path, "w") as file:
            file["a"] = h5py.ExternalLink(str(place.outside / "secret.h5"), "a")
        return path

    def virtual(place: Place) -> Path:
        import h5py

        path = place.folder / "a.h5"
        layout = h5py.VirtualLayout((2, 150), np.float32)
        layout[:] = h5py.VirtualSource(str(place.outside / "secret.h5"), "a", (2, 150))
        with h5py.File(path, "w") as file:
            file.create_virtual_dataset("a", layout)
        return path

    def play_list(name: str, text: str) -> Callable[[Place], Path]:
        return lambda place: write(place, name, text.format(place.outside / "secret.ts"))

    m3u8 = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:3,\n{}\n#EXT-X-ENDLIST\n"
    concat = "ffconcat version 1.0\nfile '{}'\n"
    dash = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
        '<Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>'
    )
    return [
        Attack("HDF5 external storage", "poses", external),
        Attack("HDF5 external link", "poses", linked),
        Attack("HDF5 virtual data set", "poses", virtual),
        Attack("play list .m3u8", "video", play_list("a.m3u8", m3u8)),
        Attack("play list named .mp4", "video", play_list("a.mp4", m3u8)),
        Attack("ffconcat named .mp4", "video", play_list("b.mp4", concat)),
        Attack("DASH named .mp4", "video", play_list("c.mp4", dash)),
        Attack(
            "SDP named .mp4", "video", lambda p: write(p, "d.mp4", "v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n")
        ),
        Attack("named pipe", "poses", _pipe("a.h5")),
        Attack("named pipe as a video", "video", _pipe("a.mp4")),
    ]


def _pipe(name: str) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        path = place.folder / name
        if not path.exists():
            os.mkfifo(path)
        return path

    return make


def _large() -> list[Attack]:
    def bomb(name: str, member: str, head: bytes = b"") -> Callable[[Place], Path]:
        def make(place: Place) -> Path:
            with (
                zipfile.ZipFile(place.folder / name, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
                archive.open(member, "w", force_zip64=True) as file,
            ):
                file.write(head)
                block = bytes(1 << 24)
                for _ in range(96):  # 1.5 GB
                    file.write(block)
            return place.folder / name

        return make

    def strided(place: Place) -> Path:
        import torch

        torch.save({"a": torch.zeros(1).expand(10**7, 178, 3)}, place.folder / "a.pt")
        return place.folder / "a.pt"

    def unwritten(place: Place) -> Path:
        import h5py

        with h5py.File(place.folder / "a.h5", "w") as file:
            file.create_dataset("a", (10**7, 150), np.float32, chunks=(1000, 150), compression="gzip")
        return place.folder / "a.h5"

    def json_frames(text: str) -> Callable[[Place], Path]:
        def make(place: Place) -> Path:
            folder = place.folder / "frames"
            folder.mkdir(exist_ok=True)
            (folder / "clip_000000000000_keypoints.json").write_text(text)
            return folder

        return make

    def picture(place: Place) -> Path:
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

    def slow(rate: float) -> Callable[[Place], Path]:
        def make(place: Place) -> Path:
            from skeletor.io import native

            native.write_pose(pose_2d(np.random.default_rng(1)), place.folder / "a.safetensors")
            data = (place.folder / "a.safetensors").read_bytes()
            length = int.from_bytes(data[:8], "little")
            head = data[8 : 8 + length].replace(b'\\"fps\\": 25.0', f'\\"fps\\": {rate!r}'.encode())
            head += b" " * (-len(head) % 8)
            return write(place, "a.safetensors", len(head).to_bytes(8, "little") + head + data[8 + length :])

        return make

    def header(place: Place) -> Path:
        head = json.dumps(
            {"a/keypoints": {"dtype": "F32", "shape": [10**9, 50, 2], "data_offsets": [0, 4 * 10**11]}}
        ).encode()
        return write(place, "a.safetensors", len(head).to_bytes(8, "little") + head)

    def blocks(place: Place) -> Path:
        return spoil_lifter(place, lambda c: c["model"].update(blocks=10**6))

    def npy(*shape: int) -> bytes:
        buffer = io.BytesIO()
        np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": shape})
        return buffer.getvalue()

    def nested(place: Place) -> Path:
        head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {'(' * DEPTH}{')' * DEPTH}}}\n".encode()
        return write(place, "c.npy", b"\x93NUMPY\x02\0" + len(head).to_bytes(4, "little") + head)

    flow = "[" * DEPTH + "]" * DEPTH
    return [
        Attack("zip bomb .npz", "npz", bomb("a.npz", "data.npy", npy(400_000_000))),
        Attack("zip bomb .npz of arms", "arms", bomb("b.npz", "data.npy", npy(400_000_000))),
        Attack("zip bomb .npz of key points", "poses", bomb("c.npz", "data.npy", npy(1_777_777, 75, 3))),
        Attack("a .npy that says 400 GB", "poses", lambda p: write(p, "a.npy", npy(10**9, 50, 2) + bytes(1000))),
        Attack("a .npy of a negative length", "poses", lambda p: write(p, "b.npy", npy(-8, 75, 2) + bytes(4800))),
        Attack("a .npy of frames without points", "poses", lambda p: write(p, "d.npy", npy(2**40, 0, 2))),
        Attack("a .npy header 100,000 deep", "poses", nested),
        Attack("zip bomb .pt", "poses", bomb("a.pt", "archive/data.pkl")),
        Attack("a .pt of stride 0", "poses", strided),
        Attack("an .h5 of unwritten chunks", "poses", unwritten),
        Attack("JSON 100,000 deep", "poses", json_frames('{"people": ' + flow + "}")),
        Attack(
            "a million empty people",
            "poses",
            json_frames('{"people": [' + ",".join(["{}"] * 10**6) + "]}"),
            refused=False,
        ),
        Attack("a picture of 30,000 x 30,000", "video", picture),
        Attack("0.001 frames a second", "model poses", slow(0.001)),
        Attack("5e-324 frames a second", "model poses", slow(5e-324)),
        Attack("a header of 400 GB", "poses", header),
        Attack("a lifter of a million blocks", "lifter", blocks),
        Attack("YAML 100,000 deep", "config", lambda p: write(p, "run.yaml", f"seed: {flow}\n")),
        Attack("YAML aliases in a value", "config", lambda p: write(p, "run.yaml", _aliases())),
        Attack("a number of 5,000 digits", "config", lambda p: write(p, "run.yaml", f"seed: {'9' * 5000}\n")),
        Attack("a date as a seed", "config", lambda p: write(p, "run.yaml", "seed: 2020-01-01\n")),
        Attack("wide pixels", "estimate", _wide),
    ]


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


def secrets(outside: Path) -> None:
    """What lies outside, and would be taken if it were opened."""
    import h5py

    outside.mkdir(parents=True, exist_ok=True)
    (outside / "secret.bin").write_bytes(np.linspace(1, 2, 300, dtype=np.float32).tobytes())
    with h5py.File(outside / "secret.h5", "w") as file:
        file["a"] = np.ones((2, 150), np.float32)
    (outside / "secret.ts").write_bytes(plain("mpegts"))
    from tests.hardening.children import ROOT

    shutil.copyfile(
        ROOT / "skeletor" / "lifters" / "weights" / "joint_token.safetensors", outside / "lifter.safetensors"
    )
