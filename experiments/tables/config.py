"""What a table's YAML file says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from skeletor.refiners.training.config import RefinerTrainConfig
from skeletor.support.config import Config, check_config, load_config, merged, read_yaml_file
from skeletor.support.errors import InputError

Share = Annotated[float, Field(gt=0, lt=1)]


class MotionConfig(Config):
    """Clips of known motion (`experiments.tables.data.motion_clips`): how many for training, choosing and testing."""

    train: int = Field(default=1200, ge=2)
    dev: int = Field(default=40, ge=1)
    test: int = Field(default=80, ge=1)
    seed: int = Field(default=1, ge=0)


class ModelSpec(Config):
    """A network to train. refiner: the name under which `skeletor.refiners.registry` runs its weights."""

    label: str
    refiner: str = "skeletor"
    train: RefinerTrainConfig = RefinerTrainConfig()

    def with_train(self, **changes: Any) -> ModelSpec:
        """The same with other values of `train`."""
        return self.model_copy(update={"train": self.train.model_copy(update=changes)})


class TableConfig(Config):
    """What all tables share.

    smoothers: names of refiners, each beside the models. steps: of every model's training, in place of what
    the model says.
    """

    number: int
    title: str
    seed: int = 1
    workers: int = Field(default=2, ge=1)
    smoothers: list[str] = Field(default=["linear"])
    models: list[ModelSpec] = Field(default=[])
    steps: int | None = Field(default=None, ge=1)

    @property
    def specs(self) -> list[ModelSpec]:
        """The models, with the table's `steps`."""
        return self.with_steps(self.models)

    def with_steps(self, specs: list[ModelSpec]) -> list[ModelSpec]:
        """These models, with the table's `steps`."""
        return [spec if self.steps is None else spec.with_train(max_steps=self.steps) for spec in specs]


class MaskTable(TableConfig):
    """Tables 1 and 2: a training for each share of masked frames or joints, tests with one share.

    only: by label of a model, the shares that it is trained with in place of `shares`.
    """

    kind: Literal["mask"]
    what: Literal["frames", "joints"]
    data: MotionConfig = MotionConfig()
    shares: list[Share] = Field(default=[0.05, 0.10, 0.15, 0.20, 0.25])
    test_share: Share = 0.15
    only: dict[str, list[Share]] = Field(default={})


class NoiseTable(TableConfig):
    """Tables 3 and 4: noise of several strengths on a share of the frames or joints."""

    kind: Literal["noise"]
    what: Literal["frames", "joints"]
    data: MotionConfig = MotionConfig()
    strengths: list[float] = Field(default=[0.1, 0.3, 0.5, 0.7, 0.9])
    test_share: Share = 0.15


class GapTable(TableConfig):
    """Table 5: runs of missing frames by length and speed.

    bands: edges between slow, medium and fast, in shoulder widths per second of the hidden hand's wrist.
    """

    kind: Literal["gap"]
    data: MotionConfig = MotionConfig()
    lengths: list[int] = Field(default=[1, 2, 4, 8, 16, 32])
    targets: list[Literal["hand", "hand and wrist", "frame"]] = Field(default=["hand", "frame"])
    bands: list[float] = Field(default=[0.8, 1.6], min_length=2, max_length=2)


class DetectorTable(TableConfig):
    """Table 6: real detections of rendered video in the folder of a finished `slt run`.

    models are trained as the run's `skeletor` row is, without the truth; motion_models as its `skeletor-motion` row
    is, from lifted detections of training clips to their true motion. refiners: name -> file of weights of a Skeletor
    that is trained already. bands: edges between bands of the detector's confidence.
    """

    kind: Literal["detector"]
    run: str = "runs/demo"
    motion_models: list[ModelSpec] = Field(default=[])
    refiners: dict[str, str] = Field(default={})
    parts: list[Literal["dev", "test"]] = Field(default=["dev", "test"])
    bands: list[float] = Field(default=[0.8, 0.95])
    clips: int | None = Field(default=None, ge=1, description="at most so many clips of each part")


class RealTable(TableConfig):
    """Table 7: real sequences without truth, leaving one out. real_share: of the training's frames.

    believed: what inverse kinematics believes in place of what the package's does; names as in people/arms.yaml.
    """

    kind: Literal["real"]
    data: MotionConfig = MotionConfig(train=600, dev=1, test=1)
    shared: str = "../shared/data"
    believed: dict[str, float] = Field(default={})
    share: Share = 0.15
    run_length: int = Field(default=8, ge=1)
    real_share: Share = 0.5
    folds: int | None = Field(default=None, ge=1, description="only the first so many sequences are left out in turn")


class Variant(Config):
    """A change of an ablation's base, as (part of) a RefinerTrainConfig. pretext: see `ablations.network`."""

    label: str
    change: dict[str, Any] = Field(default={})
    pretext: Literal["order", "adversarial", "nothing"] | None = None


class AblationTable(TableConfig):
    """A training for each variant of `base`, compared on the dev clips. prior: the Gaussian prior alone as a row."""

    kind: Literal["ablation"]
    prior: bool = False
    data: MotionConfig = MotionConfig()
    base: dict[str, Any] = Field(default={})
    variants: list[Variant] = Field(min_length=1)

    def train_of(self, variant: Variant) -> RefinerTrainConfig:
        """The training of a variant. InputError if it is none."""
        return check_config(merged(self.base, variant.change), RefinerTrainConfig, f"variant {variant.label!r}")


_KINDS: dict[str, type[TableConfig]] = {
    "mask": MaskTable,
    "noise": NoiseTable,
    "gap": GapTable,
    "detector": DetectorTable,
    "real": RealTable,
    "ablation": AblationTable,
}


def load_table(path: Path | str, overrides: dict[str, Any] | None = None) -> TableConfig:
    """Read a table's YAML file. `models: FILE` takes the list from another YAML file beside it.

    Raises InputError, one line.
    """
    path = Path(path)
    raw = read_yaml_file(path)
    if isinstance(raw, dict) and isinstance(raw.get("models"), str):
        overrides = {"models": read_yaml_file(path.parent / raw["models"]), **(overrides or {})}
    kind = raw.get("kind") if isinstance(raw, dict) else None
    if kind not in _KINDS:
        raise InputError(f"{path}: kind is {kind!r}, must be one of {', '.join(_KINDS)}")
    return load_config(path, _KINDS[kind], overrides)


def quick(config: TableConfig) -> TableConfig:
    """The same table in seconds: few clips, tiny networks, few steps. Its numbers mean nothing."""
    raw = config.model_dump()
    raw["steps"] = 6
    for model in [*raw["models"], *raw.get("motion_models", [])]:
        train = model["train"]
        train |= {"batch_size": 4, "window": 16, "margin": 2, "warmup_steps": 1}
        for key, value in {"d_model": 16, "d_ff": 16, "heads": 2, "layers": 1}.items():
            train["model"] |= {key: value} if key in train["model"] else {}
    if "variants" in raw:
        tiny = {"batch_size": 4, "window": 16, "margin": 2, "warmup_steps": 1}
        tiny_model = {"d_model": 16, "d_ff": 16, "heads": 2, "layers": 1}
        raw["base"] = merged(raw["base"], {**tiny, "model": tiny_model})
        raw["variants"] = raw["variants"][:2]
    if "data" in raw:
        raw["data"] |= {"train": 6, "dev": 2, "test": 3}
    small: dict[str, Any] = {"shares": [0.1], "strengths": [0.5], "lengths": [2, 8], "folds": 2, "clips": 2}
    for key, value in small.items():
        if key in raw:
            raw[key] = value
    if "only" in raw:
        raw["only"] = {label: [0.1] for label in raw["only"]}
    return check_config(raw, type(config), "quick")
