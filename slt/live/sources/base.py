"""What every source of a live session gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from slt.live.channel import Frame

STDIN = "-"


class Source(Protocol):
    """An open source of pictures. name: for people. fps: of the grid that its frames lie on."""

    name: str
    fps: float

    def frames(self) -> Iterator[Frame]:
        """The frames as they come, by rising slots from 0; it ends with the source, or with the clock.

        Raises InputError if the source fails.
        """
        ...
