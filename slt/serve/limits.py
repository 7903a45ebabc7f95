"""What a server takes, and for how long it keeps it."""

from __future__ import annotations

from pydantic import Field

from skeletor.support.config import Config


class Limits(Config):
    """Limits of uploads, of the queue, and of time."""

    megabytes: int = Field(200, ge=1, le=10_000, description="of an upload")
    seconds: float = Field(120.0, gt=0, le=7200, description="of a recording")
    waiting: int = Field(50, ge=1, le=200, description="recordings that wait while others are worked on")
    minutes: float = Field(10.0, gt=0, le=1440, description="of work on one recording, then it is given up")
    keep: float = Field(15.0, gt=0, le=1440, description="minutes after which results are deleted")
    silence: float = Field(30.0, gt=0, le=3600, description="seconds without a byte after which an upload is given up")

    @property
    def size(self) -> int:
        """Bytes of an upload."""
        return self.megabytes * 1_000_000
