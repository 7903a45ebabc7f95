"""Small made-up files in the form in which the DGS Korpus has OpenPose: all cameras of a transcript in one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.skeletor.io.signer import person, signer

FACE = [0.5] * 210  # 70 points


def frames(numbers: Sequence[int], seed: int = 0, shift: float = 0.0) -> dict[str, object]:
    """Frame number -> its JSON, of a signer who moves on with the number; 137 points as OpenPose has them."""
    joints = {joint: points + [shift, 0] for joint, points in signer(max(numbers, default=0) + 1, seed=seed).items()}
    return {str(t): {"version": 1.2, "people": [person(joints, t, face_keypoints_2d=FACE)]} for t in numbers}


def camera(name: str, held: Mapping[str, object], transcript: str = "1413485") -> dict[str, object]:
    return {"id": transcript, "camera": name, "width": 1280, "height": 720, "frames": held}


def write(path: Path, cameras: object, indent: int | None = 2) -> Path:
    """The file, packed if its name says so."""
    content = json.dumps(cameras, indent=indent).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path
