"""Shards of poses as a training reads them: their headers once, then the bytes of the clips that are needed.

A shard is a safetensors file of poses (`skeletor.io.native`), as `slt shards` and `slt run` write them. Clips are known
and read in groups of a few that lie together in a shard. All that is kept of a group are four numbers; the header of
a shard is read again when clips of it are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skeletor.files.outside import reading
from skeletor.files.tensors import header_end
from skeletor.io.native import WHAT
from skeletor.learning.data.header import ClipPlace, CommonForm, Run, ShardHeader, runs_of
from skeletor.learning.data.places import BUFFER, Piece, Place, ShardFile, open_place
from skeletor.learning.data.windows import in_form
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from skeletor.support.progress import progress

GROUP = 16  # clips
_FIRST = 1 << 16  # bytes that are read to find a header: most are shorter
_SPLITS = ("train", "dev", "test")
_AT_ONCE = 32  # headers, or groups, that are asked for together


class Group(NamedTuple):
    """The shard of a group, its first clip there, how many clips it has, and frames in all of them."""

    shard: int
    first: int
    clips: int
    frames: int


@dataclass(frozen=True)
class Groups:
    """(G,) each: the values of all groups, see `Group`."""

    shard: np.ndarray
    first: np.ndarray
    clips: np.ndarray
    frames: np.ndarray

    def __len__(self) -> int:
        return len(self.shard)

    def rows(self) -> Iterator[Group]:
        """One after the other."""
        for row in zip(
            self.shard.tolist(), self.first.tolist(), self.clips.tolist(), self.frames.tolist(), strict=True
        ):
            yield Group(*row)

    def subset(self, chosen: Sequence[int] | np.ndarray) -> Groups:
        """These groups alone, in the order given."""
        kept = np.asarray(chosen, np.int64)
        return Groups(self.shard[kept], self.first[kept], self.clips[kept], self.frames[kept])


@dataclass(frozen=True, eq=False)
class Shards:
    """Clips in shards. files: each with its place. ends: (shards,) where their headers end. buffer: clips in memory at
    a time."""

    form: CommonForm
    groups: Groups
    files: Sequence[tuple[Place, ShardFile]]
    ends: np.ndarray
    digest: str
    buffer: int

    def subset(self, groups: Sequence[int]) -> Shards:
        """Some of the groups of the same files. The digest says which."""
        chosen = hashlib.sha256(self.digest.encode() + np.asarray(groups, np.int64).tobytes()).hexdigest()
        return replace(self, groups=self.groups.subset(groups), digest=chosen[:16])

    @property
    def clips(self) -> int:
        """How many there are."""
        return int(self.groups.clips.sum())

    def some(self) -> Iterator[PoseSequence]:
        """Clips of groups that lie evenly among all of them: about as many as the buffer holds, or all."""
        step = max(1, -(-self.clips // self.buffer))
        return (pose for clips in self.load(range(0, len(self.groups), step)) for pose in clips)

    def load(self, groups: Sequence[int]) -> Iterator[list[PoseSequence]]:
        """The clips of each group, ready for training. InputError, which names the file, if
        it cannot be read, or is not what it was."""
        for start in range(0, len(groups), _AT_ONCE):
            chosen = self.groups.subset(groups[start : start + _AT_ONCE])
            numbers = sorted(set(chosen.shard.tolist()))
            heads = dict(zip(numbers, self._headers(numbers), strict=True))
            parts = [(row.shard, self._part(heads[row.shard], row)) for row in chosen.rows()]
            wanted = [(shard, run) for shard, part in parts for run in runs_of(part)]
            data = iter(self._read(wanted))
            for shard, part in parts:
                found = {run: next(data) for run in runs_of(part)}
                yield [self._pose(shard, heads[shard], clip, found) for clip in part]

    def _part(self, header: ShardHeader, row: Group) -> tuple[ClipPlace, ...]:
        part = header.clips[row.first : row.first + row.clips]
        if sum(clip.frames for clip in part) != row.frames:
            raise InputError(f"{self._name(row.shard)}: has changed since the training began; start it again")
        return part

    def _pose(self, shard: int, header: ShardHeader, clip: ClipPlace, found: dict[Run, bytes]) -> PoseSequence:
        name, f = self._name(shard), self.form
        with reading(name, WHAT):
            pose = header.pose(clip, found)
        return in_form(pose, f"{name}: {clip.name}", f.fps, f.skeleton, (f.dims, f.units))

    def _headers(self, numbers: Sequence[int]) -> list[ShardHeader]:
        starts = self._read([(number, (0, int(self.ends[number]))) for number in numbers])
        headers = []
        for number, start in zip(numbers, starts, strict=True):
            with reading(self._name(number), WHAT):
                headers.append(ShardHeader.of(start, self.files[number][1].size))
        return headers

    def _read(self, wanted: Sequence[tuple[int, Run]]) -> list[bytes]:
        """Bytes of shards (number, (begin, end)); all of one place together."""
        return read_files([self.files[number] for number, _ in wanted], [run for _, run in wanted])

    def _name(self, number: int) -> str:
        place, file = self.files[number]
        return place.full_name(file.name)


def read_files(files: Sequence[tuple[Place, ShardFile]], runs: Sequence[Run]) -> list[bytes]:
    """Bytes begin <= b < end of each file; all of one place are asked for together."""
    found: list[bytes] = [b""] * len(files)
    for place in {id(place): place for place, _ in files}.values():
        mine = [k for k, (other, _) in enumerate(files) if other is place]
        for k, data in zip(mine, place.read([Piece(files[k][1].name, *runs[k]) for k in mine]), strict=True):
            found[k] = data
    return found


def open_shards(paths: Sequence[str], fps: float | None = None, buffer: int = BUFFER) -> Shards:
    """Find the shards below paths or URLs, and read their headers.

    buffer: clips that are to be in memory at a time. fps: frames per second that the clips must have; None: those of
    the first clip. InputError, one line with the file's name, if a header is damaged or no header of poses, if clips
    differ in skeleton, dimensions, units or frame rate, if there are none, or if they are of train, dev and test alike.
    """
    files = [(place, file) for place in map(open_place, paths) for file in _of_one_split(place, place.files())]
    rows: list[Group] = []
    ends, sha, form = np.zeros(len(files), np.int64), hashlib.sha256(), None
    for start in progress(range(0, len(files), _AT_ONCE), "headers of shards", unit="block"):
        some = files[start : start + _AT_ONCE]
        for number, (place, file), raw in zip(range(start, len(files)), some, _read_headers(some), strict=False):
            name = place.full_name(file.name)
            with reading(name, WHAT):
                header = ShardHeader.of(raw, file.size)
                for clip in header.clips:
                    form = _same(form, header.form(clip, name), clip, fps)
            ends[number] = len(raw)
            sha.update(f"{file.name} {file.size} {file.stamp}".encode() + raw)
            rows += _groups_of(number, header.clips, min(GROUP, buffer))
    if form is None:
        raise InputError(f"{', '.join(paths)}: no clips of poses there; give a folder of .safetensors files")
    table = np.array(rows, np.int64).reshape(-1, 4)
    groups = Groups(*(np.ascontiguousarray(column) for column in table.T))
    return Shards(form, groups, files, ends, sha.hexdigest()[:16], buffer)


def _of_one_split(place: Place, files: list[ShardFile]) -> list[ShardFile]:
    """The files; InputError if a training would learn from what it is judged by."""
    found = [split for split in _SPLITS if any(split in file.name.split("/")[:-1] for file in files)]
    if len(found) > 1:
        raise InputError(f"{place.full_name('')}: holds {' and '.join(found)} together; give the folder of one")
    return files


def _read_headers(files: Sequence[tuple[Place, ShardFile]]) -> list[bytes]:
    """The bytes of each file up to the end of its header."""
    starts = read_files(files, [(0, min(_FIRST, file.size)) for _, file in files])
    ends = []
    for (place, file), start in zip(files, starts, strict=True):
        with reading(place.full_name(file.name), WHAT):
            ends.append(header_end(start, file.size))
    long = [k for k, end in enumerate(ends) if end > len(starts[k])]
    rests = read_files([files[k] for k in long], [(len(starts[k]), ends[k]) for k in long])
    for k, rest in zip(long, rests, strict=True):
        starts[k] += rest
    return [start[:end] for start, end in zip(starts, ends, strict=True)]


def _same(form: CommonForm | None, own: CommonForm, clip: ClipPlace, fps: float | None) -> CommonForm:
    """The form of all clips so far, if one more has it."""
    if (form is None and fps in (None, own.fps)) or own == form:
        return own
    if own.fps != (form.fps if form else fps):
        rate = form.fps if form else fps
        raise InputError(f"clip {clip.name!r} has {own.fps:g} frames per second, not {rate:g}; skeletor pack resamples")
    assert form is not None
    told = [f"{f.skeleton.name} in {f.dims}D, unit {f.units}" for f in (own, form)]
    raise InputError(f"clip {clip.name!r} is {told[0]}, the first one is {told[1]}; lift and normalise all alike")


def _groups_of(shard: int, clips: Sequence[ClipPlace], group: int) -> Iterator[Group]:
    for first in range(0, len(clips), group):
        part = clips[first : first + group]
        yield Group(shard, first, len(part), sum(clip.frames for clip in part))
