"""A hand as it is followed while frames come in: where it was seen, and where it is between two sightings.

What `slt.segment.rule` computes of a whole recording, here of the few frames around one. The numbers are the same to
the last bit wherever those frames decide them.
"""

from __future__ import annotations

import numpy as np


class Track:
    """A point in the picture at the frames in which it was seen, on straight lines between them.

    Before the first sighting and after the last it stays where it was seen. Old sightings are forgotten by `forget`.
    """

    def __init__(self) -> None:
        self._frames: list[float] = []
        self._places: list[np.ndarray] = []
        self._first = 0.0

    def __bool__(self) -> bool:
        return bool(self._frames)

    def see(self, frame: int, place: np.ndarray) -> None:
        """It is at `place` (2,) in that frame, which is later than those before."""
        self._first = self._first if self._frames else float(frame)
        self._frames.append(float(frame))
        self._places.append(np.asarray(place, np.float64))

    def at(self, times: np.ndarray) -> np.ndarray:
        """(K,) times in frames to (K, 2) places. It must have been seen."""
        places = np.stack(self._places)
        return np.stack([np.interp(times, self._frames, places[:, axis]) for axis in (0, 1)], -1)

    def span(self, first: float, last: float) -> float:
        """Frames between two times, of what lies between its first sighting ever and its last; at least one."""
        begin, end = (min(max(time, self._first), self._frames[-1]) for time in (first, last))
        return max(end - begin, 1.0)

    def settle(self, frame: int, other: Track) -> None:
        """It was seen in that frame: from now on its place there is the one that `other` sees. To be called once.

        Without any sighting of `other` so far its own is dropped: nothing tells where it was.
        """
        k = self._frames.index(frame)
        if other:
            self._places[k] = self._places[k] - other.at(np.array([float(frame)]))[0]
        else:
            del self._frames[k], self._places[k]

    def relative(self, other: Track, since: int) -> Track:
        """This track as seen from another one from frame `since` on; earlier places are so already."""
        made = Track()
        made._first, made._frames = self._first, self._frames
        made._places = [
            place if frame < since else place - other.at(np.array([frame]))[0]
            for frame, place in zip(self._frames, self._places, strict=True)
        ]
        return made

    def forget(self, before: float) -> None:
        """Forget all sightings before a time but the last of them, which lines still begin at."""
        while len(self._frames) > 1 and self._frames[1] <= before:
            del self._frames[0], self._places[0]
