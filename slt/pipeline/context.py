"""What the stages of one run share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from slt.corpus import layout
from slt.pipeline.config import RunConfig
from slt.pipeline.stage import Done

# The source that every stage's result depends on.
CORE_CODE = ("skeletor/pose", "skeletor/skeleton", "skeletor/normalise")


@dataclass(frozen=True)
class Row:
    """One row of the table that has a translator: `store` holds its poses by split.

    refiner: the stage that trained its refiner, if one did. own: whether it is what `slt translate` will do.
    """

    name: str
    label: str
    done: Done
    store: Path
    refiner: Done | None = None
    own: bool = False


@dataclass(frozen=True)
class Run:
    """What all stages of one run share."""

    config: RunConfig
    folder: Path
    corpus: layout.Corpus
    corpus_key: Done | str

    @property
    def rendered(self) -> bool:
        """Whether the truth is known."""
        return self.corpus.description.synthetic


@dataclass(frozen=True)
class Detected:
    """2D poses: the stage that made the last of them, and the folder of each part.

    sample: real detections of parts whose detections are simulated, where there are any, for the comparison only.
    """

    done: Done
    parts: dict[str, Path]
    sample: dict[str, Path] = field(default_factory=dict)
