"""Files that want to be more than data: that run code, or read other files. Those that take all memory: `large`."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.hardening.made.attack import Attack, Bomb, Place, write
from tests.hardening.made.large import large
from tests.hardening.made.model_attacks import folders, values
from tests.hardening.made.videos import plain


def all_attacks() -> list[Attack]:
    """Every one."""
    return [*_code(), *_elsewhere(), *folders(), *large(), *values()]


def _code() -> list[Attack]:
    """Files in which code lies."""
    return [
        Attack("pickle in .pt", "poses", _pickled("a.pt")),
        Attack("pickle in .pt of torch", "poses", _torch_file("a.pt", False)),
        Attack("pickle in legacy .pt of torch", "poses", _torch_file("b.pt", True)),
        Attack("pickle in .ckpt (sign2text's network)", "cnn", _torch_file("a.ckpt", False)),
        Attack("pickle in a checkpoint of a training", "train", _checkpoint, refused=False),
        Attack("pickle in .npz", "npz", _npz),
        Attack("pickle in .npz of arms", "arms", _npz),
        Attack("pickle in .npz of key points", "poses", _key_points("a.npz")),
        Attack("pickle in .npy of key points", "poses", _key_points("a.npy")),
        Attack("pickle in .h5", "poses", _h5, refused=False),
        Attack("YAML tag in a config", "config", _tag),
    ]


def _pickled(name: str) -> Callable[[Place], Path]:
    return lambda place: write(place, name, pickle.dumps({"a": Bomb(place.canary)}))


def _torch_file(name: str, legacy: bool) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        import torch

        torch.save({"a": Bomb(place.canary)}, place.folder / name, _use_new_zipfile_serialization=not legacy)
        return place.folder / name

    return make


def _npz(place: Place) -> Path:
    array = np.empty((), object)
    array[()] = Bomb(place.canary)
    np.savez(place.folder / "a.npz", data=array)
    return place.folder / "a.npz"


def _key_points(name: str) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        array = np.full((8, 75, 3), Bomb(place.canary), object)
        np.save(place.folder / name, array) if name.endswith("y") else np.savez(place.folder / name, data=array)
        return place.folder / name

    return make


def _h5(place: Place) -> Path:
    import h5py

    data = pickle.dumps(Bomb(place.canary))
    with h5py.File(place.folder / "a.h5", "w") as file:
        file["a"] = np.void(data)
        file["b"] = np.frombuffer(data.ljust(150, b"\0")[:150], np.uint8).reshape(1, 150)
        file["b"].attrs["c"] = np.void(data)
    return place.folder / "a.h5"


def _checkpoint(place: Place) -> Path:
    import torch

    from tests.hardening.made.jobs import train_refiner

    train_refiner(4).prepare(place.folder)
    (place.folder / "out").mkdir(exist_ok=True)
    torch.save({"identity": Bomb(place.canary)}, place.folder / "out" / "refiner.checkpoint.pt")
    return place.folder / "train.yaml"


def _tag(place: Place) -> Path:
    return write(place, "run.yaml", f"seed: !!python/object/apply:os.system [\"touch '{place.canary}'\"]\n")


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
