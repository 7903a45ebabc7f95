"""The readers that are attacked, each with small sound files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skeletor.files.read_only.npz import read_arrays
from skeletor.files.tensors import read_tensors, save_tensors
from skeletor.io import native, skels
from skeletor.io.formats import read_poses, write_pose
from skeletor.io.read_only.dgs_openpose import read_cameras
from skeletor.learning.data.frame_store import open_frames
from skeletor.learning.data.pack import pack
from skeletor.learning.data.shards import open_shards
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50, Skeleton, custom_skeleton
from skeletor.support.errors import InputError
from tests.skeletor.io import transcripts
from tests.skeletor.io.fuzz.attack import Arrays, Reader

_SHOULDERS_WRISTS_HIPS = np.array([(-2, 0, 0), (-1, 3, 2), (2, 0, 0), (1, 3, 2), (-1, 8, 0), (1, 8, 0)], np.float32)


def pose(skeleton: Skeleton, frames: int, dims: int, seed: int, missing: float = 0.1) -> PoseSequence:
    """Joints in pixels."""
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(1, 250, (frames, len(skeleton), dims)).astype(np.float32)
    confidence = rng.uniform(0.05, 1, (frames, len(skeleton))).astype(np.float32)
    gone = rng.random((frames, len(skeleton))) < missing
    keypoints[gone], confidence[gone] = np.nan, 0
    return PoseSequence(keypoints, confidence, 25.0, skeleton, Provenance("clip.mp4", units="pixel"))


def _solid(frames: int, seed: int) -> PoseSequence:
    return normalise(pose(SIGNING_50, frames, 3, seed, missing=0))


def _poses(path: Path) -> Arrays:
    found: dict[str, np.ndarray] = {}
    for name, clip in read_poses(path).items():
        found |= {f"{name}/keypoints": clip.keypoints, f"{name}/confidence": clip.confidence}
        found[f"{name}/fps"] = np.array(clip.fps)
    return found


def _native(folder: Path) -> list[Path]:
    clips = {"a": pose(SIGNING_50, 5, 2, 0), "b": pose(custom_skeleton(4), 7, 3, 1), "ä/c": pose(SIGNING_50, 3, 3, 2)}
    native.write_shard(clips, folder / "victim.safetensors")
    return [folder / "victim.safetensors"]


def _skels(folder: Path) -> list[Path]:
    skels.write_poses({"a": _solid(6, 0), "b": _solid(3, 1)}, folder / "victim.skels")
    return [folder / "victim.skels"]  # names that were exchanged in the .files cannot be told


def _values(frames: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.uniform(2, 250, (frames, 50, 3)).astype(np.float32)
    values[..., 2] = rng.uniform(0, 1, (frames, 50))
    return values.reshape(frames, 150)


def _h5(folder: Path) -> list[Path]:
    """As Zelinka's files are: one contiguous data set."""
    import h5py

    with h5py.File(folder / "victim.h5", "w") as file:
        file["clip"] = _values(12, 0)
    return [folder / "victim.h5"]


def _h5_chunked(folder: Path) -> list[Path]:
    import h5py

    with h5py.File(folder / "victim.h5", "w") as file:
        file.create_dataset("a", data=_values(20, 0), chunks=(8, 150), compression="gzip", fletcher32=True)
        file["b"] = _values(4, 1)
    return [folder / "victim.h5"]


def _pt(folder: Path, archive: bool = True) -> list[Path]:
    import torch

    clips = {}
    for seed, (name, frames) in enumerate((("a", 4), ("b", 3))):
        points = np.random.default_rng(seed).normal(0, 0.1, (frames, 178, 3)).astype(np.float32)
        points[:, [0, 2, 3, 5, 6, 7]] += _SHOULDERS_WRISTS_HIPS  # which tell the axes
        clips[name] = {"name": name, "text": "morgen regen .", "poses_3d": torch.from_numpy(points)}
    torch.save(clips, folder / "victim.pt", _use_new_zipfile_serialization=archive)
    return [folder / "victim.pt"]


def _npz(folder: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    np.savez_compressed(folder / "victim.npz", walk=rng.normal(0, 1, (9, 38, 3)), parent=np.arange(38))
    return [folder / "victim.npz"]


def _pickled_npz(folder: Path) -> list[Path]:
    content = {"S1": {"Walk": [np.arange(60.0).reshape(10, 2, 3)], "n": np.float32(3), "t": ("a", None)}}
    np.savez(folder / "victim.npz", positions_3d=np.array(content, dtype=object))
    return [folder / "victim.npz"]


def _read_pickled(folder: Path) -> Arrays:
    from skeletor.lifters.benchmarks.safe_npz import read_npz

    content = read_npz(folder / "victim.npz").get("positions_3d")
    if not isinstance(content, dict):
        raise InputError(f"{folder / 'victim.npz'}: has no positions_3d, as the reader of Human3.6M says it")
    walk = content.get("S1", {}).get("Walk") if isinstance(content.get("S1"), dict) else None
    return {"walk": walk[0]} if isinstance(walk, list) and walk and isinstance(walk[0], np.ndarray) else {}


def _key_points(folder: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    points = (rng.uniform(0.4, 0.6, (2, 6, 75, 2)) + rng.normal(0, 0.01, (2, 6, 75, 2))).astype(np.float32)
    points[:, :, 11] = points[:, :, 0] + (0.1, 0.1)
    points[:, :, 12] = points[:, :, 0] + (-0.1, 0.1)
    np.savez_compressed(folder / "victim.npz", kp=points)
    np.save(folder / "victim.npy", points[0])
    return [folder / "victim.npz", folder / "victim.npy"]


def _read_key_points(folder: Path) -> Arrays:
    found: Arrays = {}
    for name in ("victim.npz", "victim.npy"):
        for clip, pose in read_poses(folder / name, skeleton="mediapipe_75", size=(640, 480)).items():
            found[f"{name}/{clip}"] = pose.keypoints
    return found


def _table(folder: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    lines = ["frame,type,landmark_index,x,y"]
    lines += [f"{t},pose,{k},{x:.6f},{y:.6f}" for t in range(3) for k, (x, y) in enumerate(rng.uniform(0, 1, (33, 2)))]
    (folder / "victim.csv").write_text("\n".join(lines) + "\n")
    return [folder / "victim.csv"]


def _read_table(folder: Path) -> Arrays:
    poses = read_poses(folder / "victim.csv", size=(640, 480)).items()
    return {f"{name}/{part}": getattr(pose, part) for name, pose in poses for part in ("keypoints", "confidence")}


def _frames(folder: Path) -> list[Path]:
    native.write_shard({"a": _solid(6, 0), "b": _solid(4, 1)}, folder / "poses.safetensors")
    pack([folder / "poses.safetensors"], folder / "victim")
    return [folder / "victim" / "frames.json", folder / "victim" / "00000.safetensors"]


def _read_frames(folder: Path) -> Arrays:
    store = open_frames(folder / "victim")
    arrays = store._shards[0].arrays
    return {name: np.nan_to_num(np.array(array)) for name, array in arrays.items()}


def _weights(folder: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    tensors = {"net.weight": rng.normal(0, 1, (8, 9)).astype(np.float32), "net.count": np.arange(3)}
    save_tensors(tensors, folder / "victim.safetensors", {"format": "weights", "about": "{}"})
    return [folder / "victim.safetensors"]


def _pose_format(folder: Path) -> list[Path]:
    write_pose(pose(BODY25_HANDS, 3, 2, 0), folder / "victim.pose")
    return [folder / "victim.pose"]


def _json(folder: Path) -> list[Path]:
    write_pose(pose(BODY25_HANDS, 3, 2, 0), folder / "victim")
    return sorted((folder / "victim").iterdir())


def _transcript(folder: Path) -> list[Path]:
    """Packed, as it is given out: its checksum tells damage that JSON cannot, as another frame number."""
    held = [transcripts.camera("a1", transcripts.frames([0, 2])), transcripts.camera("b1", transcripts.frames([0, 1]))]
    return [transcripts.write(folder / "victim_openpose.json.gz", held)]


def _read_transcript(folder: Path) -> Arrays:
    cameras = read_cameras(folder / "victim_openpose.json.gz").items()
    return {f"{name}/{part}": getattr(pose, part) for name, pose in cameras for part in ("keypoints", "confidence")}


def _read_shards(folder: Path) -> Arrays:
    shards = open_shards([str(folder / "victim.safetensors")])
    found: dict[str, np.ndarray] = {}
    for k, clips in enumerate(shards.load(range(len(shards.groups)))):
        for n, clip in enumerate(clips):
            found |= {f"{k}/{n}/keypoints": clip.keypoints, f"{k}/{n}/confidence": clip.confidence}
    return found


def _shards(folder: Path) -> list[Path]:
    """All of one skeleton, as a training wants them."""
    native.write_shard({"a": _solid(5, 0), "ä/b": _solid(7, 1)}, folder / "victim.safetensors")
    return [folder / "victim.safetensors"]


READERS = (
    Reader("safetensors", _native, lambda folder: _poses(folder / "victim.safetensors")),
    Reader("skels", _skels, lambda folder: _poses(folder / "victim.skels")),
    Reader("h5", _h5, lambda folder: _poses(folder / "victim.h5")),
    Reader("h5 chunked", _h5_chunked, lambda folder: _poses(folder / "victim.h5")),
    Reader("pt", _pt, lambda folder: _poses(folder / "victim.pt"), rezipped=True),
    Reader("pt legacy", lambda folder: _pt(folder, archive=False), lambda folder: _poses(folder / "victim.pt")),
    Reader("npz", _npz, lambda folder: read_arrays(folder / "victim.npz"), rezipped=True),
    Reader("key points npz", lambda folder: _key_points(folder)[:1], _read_key_points, rezipped=True),
    Reader("key points npy", lambda folder: _key_points(folder)[1:], _read_key_points),
    Reader("landmark table", _table, _read_table),
    Reader("npz pickled", _pickled_npz, _read_pickled, rezipped=True),
    Reader("frame store", _frames, _read_frames),
    Reader("shards", _shards, _read_shards),
    Reader(
        "weights",
        _weights,
        lambda folder: read_tensors(folder / "victim.safetensors", "weights", "weights", "make them", "np")[1],
    ),
    Reader("pose", _pose_format, lambda folder: _poses(folder / "victim.pose")),
    Reader("openpose json", _json, lambda folder: _poses(folder / "victim")),
    Reader("openpose of a transcript", _transcript, _read_transcript),
)
