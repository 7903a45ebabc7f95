"""Write native files of poses (`skeletor.io.native`) piece by piece: no clip has to be in memory whole."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from skeletor.files.atomic import atomic_path
from skeletor.io.native import FORMAT, VERSION, skeleton_to_json
from skeletor.poses.pose import Provenance
from skeletor.poses.skeleton import SKELETONS, Skeleton
from skeletor.support.errors import InputError

FLOAT = np.dtype("<f4")


@dataclass(frozen=True)
class ClipForm:
    """What the header says of a clip; the values come later."""

    frames: int
    dims: int
    fps: float
    skeleton: Skeleton
    provenance: Provenance

    def shapes(self, name: str) -> dict[str, tuple[int, ...]]:
        """Tensor name -> shape, (T, J) and (T, J, D), in the order in which they lie in the file."""
        joints = len(self.skeleton)
        return {
            f"{name}/confidence": (self.frames, joints),
            f"{name}/keypoints": (self.frames, joints, self.dims),
        }


class PieceWriter:
    """Puts frames in their places of a file; see `write_pieces`."""

    def __init__(self, file: BinaryIO, clips: Mapping[str, ClipForm]) -> None:
        self._file, self._clips = file, clips
        self._places, header = _layout(clips)
        file.write(len(header).to_bytes(8, "little") + header)
        self._start = file.tell()
        file.truncate(self._start + sum(4 * int(np.prod(s)) for n, f in clips.items() for s in f.shapes(n).values()))
        self._written = dict.fromkeys(clips, 0)

    def append(self, name: str, keypoints: np.ndarray, confidence: np.ndarray) -> None:
        """The next frames of a clip: (n, J, D) and (n, J). ValueError if they do not fit the form that was given."""
        form, first = self._clips[name], self._written[name]
        joints = len(form.skeleton)
        want = (len(confidence), joints, form.dims)
        if keypoints.shape != want or confidence.shape != want[:2] or first + len(keypoints) > form.frames:
            raise ValueError(f"{name}: {keypoints.shape} and {confidence.shape} after {first} of {form.frames} frames")
        for kind, values in (("keypoints", keypoints), ("confidence", confidence)):
            size = FLOAT.itemsize * joints * (form.dims if kind == "keypoints" else 1)
            self._file.seek(self._start + self._places[f"{name}/{kind}"] + first * size)
            self._file.write(np.ascontiguousarray(values, FLOAT).tobytes())
        self._written[name] = first + len(keypoints)

    def check(self) -> None:
        """ValueError unless every frame of every clip was written."""
        short = [name for name, form in self._clips.items() if self._written[name] != form.frames]
        if short:
            raise ValueError(f"clips are not whole: {', '.join(short[:5])}")


@contextmanager
def write_pieces(clips: Mapping[str, ClipForm], path: Path | str) -> Iterator[PieceWriter]:
    """A writer for a file of these clips, which appears when the block ends well; bytes as of `native.write_shard`.

    InputError if two different skeletons have one name, or a skeleton that is not of the house has a name that is.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        writer = PieceWriter(file, clips)
        yield writer
        writer.check()


def _layout(clips: Mapping[str, ClipForm]) -> tuple[dict[str, int], bytes]:
    """Where each tensor begins behind the header, and the header: JSON, padded to a multiple of 8 bytes."""
    metadata = {"format": FORMAT, "version": VERSION}
    for name, form in clips.items():
        about = {"fps": form.fps, "skeleton": form.skeleton.name, "provenance": dataclasses.asdict(form.provenance)}
        metadata[f"clip:{name}"] = json.dumps(about, ensure_ascii=False, sort_keys=True)
        if SKELETONS.get(form.skeleton.name) != form.skeleton:
            text = skeleton_to_json(form.skeleton)
            key = f"skeleton:{form.skeleton.name}"
            if form.skeleton.name in SKELETONS or metadata.setdefault(key, text) != text:
                raise InputError(f"two different skeletons are both called {form.skeleton.name!r}; rename one")
    places, entries, end = {}, {}, 0
    shapes = {key: shape for name, form in clips.items() for key, shape in form.shapes(name).items()}
    for key, shape in sorted(shapes.items()):
        places[key], begin = end, end
        end += FLOAT.itemsize * int(np.prod(shape))
        entries[key] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    header = {"__metadata__": dict(sorted(metadata.items())), **entries}
    packed = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return places, packed.ljust(-(-len(packed) // 8) * 8)
