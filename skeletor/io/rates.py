"""Frame rates that files do not tell: the usual one is taken, stands in the provenance, and is told once a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.support.errors import printable
from skeletor.support.progress import log

STAGE = "frame_rate"
NATIVE = ".safetensors"  # suffix of files that keep the provenance


def assumed(pose: PoseSequence) -> PoseSequence:
    """The pose, with a record that its frame rate is only the usual one."""
    return pose.replace(stage=StageRecord(STAGE, config={"fps": pose.fps, "by": "default"}))


class RateTeller:
    """Tells of the first pose whose file told no frame rate, and of no other: a batch has one of these."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self, pose: PoseSequence, path: Path) -> PoseSequence:
        """The pose that was just read from there, as it is; a warning if it is the first of those."""
        stages = pose.provenance.stages
        own = path.suffix.lower() == NATIVE  # tells its rate, also one that was assumed when it was written
        if not self._told and not own and stages and stages[-1].name == STAGE:  # later stages: it was told before
            self._told = True
            assumed_here = f"{pose.fps:g} frames a second are assumed, and of others that tell none"
            log.warning(f"{printable(str(path))}: tells no frame rate; {assumed_here} (--fps says otherwise)")
        return pose

    def each(self, poses: Mapping[str, PoseSequence], path: Path) -> Mapping[str, PoseSequence]:
        """The same of clips that are read when they are asked for."""
        return _Told(poses, path, self)


class _Told(Mapping[str, PoseSequence]):
    def __init__(self, poses: Mapping[str, PoseSequence], path: Path, tell: RateTeller) -> None:
        self._poses, self._path, self._tell = poses, path, tell

    def __iter__(self) -> Iterator[str]:
        return iter(self._poses)

    def __len__(self) -> int:
        return len(self._poses)

    def __contains__(self, name: object) -> bool:
        return name in self._poses

    def __getitem__(self, name: str) -> PoseSequence:
        return self._tell(self._poses[name], self._path)
