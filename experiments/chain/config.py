"""One ablation: a run's config, what is changed in it, and the row of its table that is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from skeletor.support.config import Config, load_config, read_yaml
from skeletor.support.errors import InputError
from slt.pipeline.config import RunConfig

BASE = "base"  # the name of the file that the others are compared with


class AblationFile(Config):
    """What a YAML file in experiments/chain holds."""

    label: str = Field(min_length=1, description="in the table")
    base: str = Field(description="a run's config, relative to this file")
    row: str = Field("skeletor-motion", description="the row that is trained and scored")
    change: dict[str, Any] = Field({}, description='dotted keys of the config, e.g. "translate.parts": hands')


@dataclass(frozen=True)
class Ablation:
    """name: of the file. base: the config that is changed; config: the run that is made, with one row only."""

    name: str
    label: str
    row: str
    base: Path
    change: dict[str, Any]
    config: RunConfig


def load_ablation(path: Path, overrides: dict[str, Any] | None = None) -> Ablation:
    """Read a YAML file and apply its changes to its base. overrides: dotted keys for every ablation alike.

    Raises InputError in one line that names the file and the key.
    """
    file = load_config(path, AblationFile)
    base = (path.parent / file.base).resolve()
    if path.stem == BASE and file.change:
        raise InputError(f"{path}: key 'change': the base changes nothing; give the ablation another name")
    fixed = {"rows": [file.row], "gloss2text": False}
    clash = sorted({*fixed, "seed", "seeds"} & set(file.change))
    if clash:
        raise InputError(f"{path}: key 'change': {clash[0]!r} cannot be changed here")
    try:
        config = load_config(base, RunConfig, {**(overrides or {}), **file.change, **fixed})
    except InputError as error:
        raise InputError(f"{path}: key 'change' or 'base': {error}") from error
    return Ablation(path.stem, file.label, file.row, base, file.change, config)


def load_ablations(paths: list[Path], overrides: dict[str, Any] | None = None) -> list[Ablation]:
    """All files, the base first. InputError if there is no base among them, or they change different configs."""
    loaded = sorted((load_ablation(path, overrides) for path in paths), key=lambda a: a.name != BASE)
    if not loaded or loaded[0].name != BASE:
        raise InputError(f"no {BASE}.yaml among the ablations; give it too, the others are compared with it")
    for other in loaded:
        if other.base != loaded[0].base:
            raise InputError(f"{other.name}: its base is {other.base}, that of {BASE}.yaml {loaded[0].base}")
    return loaded


def parse_value(text: str) -> Any:
    """The value of a KEY=VALUE on the command line."""
    return read_yaml(text)
