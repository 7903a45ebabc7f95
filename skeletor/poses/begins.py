"""When the first frame of a recording is shown, where its sound begins before its pictures.

Poses count from their first frame, players from whatever comes first. The stage `begins` of the provenance tells the
difference, so that subtitles and parts go by the players' clock. Formats that keep no record lose it, and a part has
a clock of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from skeletor.poses.pose import Provenance, StageRecord

STAGE = "begins"
_SECONDS = "seconds"
_LATEST = 1e6  # seconds; a file that says more is damaged


def begun(provenance: Provenance, seconds: float) -> Provenance:
    """The provenance of a recording whose first frame comes after so many seconds; 0: as it is."""
    return provenance.then(StageRecord(STAGE, config={_SECONDS: seconds})) if seconds else provenance


def of_part(provenance: Provenance) -> Provenance:
    """The provenance of a part of a recording: its first frame is shown at once."""
    return dataclasses.replace(provenance, stages=tuple(stage for stage in provenance.stages if stage.name != STAGE))


def begins(provenance: Provenance | Mapping[str, Any]) -> float:
    """After how many seconds the first frame is shown, 0 if nothing says so. As an object, or as its plain values."""
    if isinstance(provenance, Provenance):
        own = provenance.stage(STAGE)
        found: Any = None if own is None else own.config.get(_SECONDS)
    else:
        stages: Sequence[Mapping[str, Any]] = provenance.get("stages", ())
        found = next((stage["config"].get(_SECONDS) for stage in stages if stage["name"] == STAGE), None)
    usable = isinstance(found, int | float) and 0 < found < _LATEST
    return float(found) if usable else 0.0
