"""What is asked of an experiment, and how it came about that its results stand in the repository."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skeletor.support.config import C, Config, check_config, load_config
from skeletor.support.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path("experiments/results")
RUNS = Path("runs")
DEMO = RUNS / "demo"
_PACKAGES = ("torch", "numpy", "scipy", "safetensors")


@dataclass(frozen=True)
class Request:
    """One experiment that is asked for.

    name: of its results' files. command: makes the same again. work: folder of its trainings, where a killed one goes
    on. config: its YAML file. changes: dotted keys of the config and other values. run: folder of a finished
    `slt run`. corpus: folder of a data set. quick: the smallest form, whose numbers mean nothing. smoothers: only the
    smoothers' rows of a table are made, the others are kept (`tables.renew`). signature: of the config and of the code,
    see `catalogue.signature`.
    """

    name: str
    work: Path
    results: Path = RESULTS
    command: str = ""
    config: Path | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    run: Path | None = None
    corpus: Path | None = None
    quick: bool = False
    smoothers: bool = False
    signature: str = ""

    @property
    def finished(self) -> Path:
        """The run, by default the demo's."""
        return self.run or DEMO

    def load(self, kind: type[C]) -> C:
        """The config, checked: from its file, or from the changes alone. InputError, one line, if it is none."""
        if self.quick:
            raise InputError(f"{self.name} has no quick form; make it smaller with --set KEY=VALUE")
        if self.smoothers:
            raise InputError(f"{self.name} has no rows of smoothers to be made alone; leave --smoothers out")
        if self.config is None:
            return check_config(dict(self.changes), kind, self.name)
        return load_config(self.config, kind, dict(self.changes))

    def about(self, config: Config, seed: int | None) -> dict[str, Any]:
        """How the results came about, for their JSON file."""
        return {
            "command": self.command,
            "seed": seed,
            "config": config.model_dump(mode="json"),
            "signature": self.signature,
            "versions": versions(),
        }


def versions() -> dict[str, str]:
    """Python's, the machine's and those of the packages that decide the numbers."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "platform": platform.platform(), **found}
