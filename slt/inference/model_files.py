"""What is read of a model folder: files inside it, named in `model.yaml`, with the bytes that it vouches for.

A model folder comes from anywhere. Its `model.yaml` is checked whole before anything is done with it; no name in it can
lead out of the folder, and no file is read whose hash it does not give (card and scores excepted, which no program
reads).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Literal

from pydantic import Field

from skeletor.files.paths import check_folder
from skeletor.lifters.registry import LiftConfig
from skeletor.poses.pose import file_sha256
from skeletor.refiners.registry import RefineConfig
from skeletor.refiners2d.registry import Refine2DConfig
from skeletor.support.config import Config, check_config, read_yaml_file
from skeletor.support.errors import InputError
from skeletor.support.registry import given_weights
from slt.estimators.registry import EstimateConfig
from slt.recognise.ensemble.files import MOST, member
from slt.segment.choice import Cut

FORMAT = "slt-model-1"
CONFIG, SCORES, CARD = "model.yaml", "scores.json", "MODEL_CARD.md"
_INNER = "model"  # where a run has it
REFINER, REFINER_2D, LIFTER = "refiner.safetensors", "refine2d.safetensors", "lifter.safetensors"
RECOGNISER = "recogniser.safetensors"  # of a model that translates recognised glosses
SIGNS = "signs.safetensors"  # of a model of isolated signs, in place of a translator
TRANSLATOR = ("translator.safetensors", "vocabulary.txt", "abstention.safetensors")  # what every model of sentences has
SIGN_READER = (SIGNS, "abstention.safetensors")  # and every one of isolated signs
_TOGETHER = tuple(member(name, k) for name in (RECOGNISER, TRANSLATOR[0]) for k in range(2, MOST + 1))
READ = (*TRANSLATOR, "sentencepiece.model", RECOGNISER, *_TOGETHER, SIGNS, REFINER, REFINER_2D, LIFTER)
UNREAD = (CARD, SCORES)
_WEIGHTS = {"lift": LIFTER, "refine": REFINER, "refine2d": REFINER_2D}  # section -> the name of its file of weights
_AGAIN = "copy the model folder again"


class _Abstention(Config):
    share: float = Field(ge=0, le=1)
    clips: int = Field(ge=0)
    stride: int = Field(1, ge=1)
    thresholds: dict[str, float]
    sparse: dict[str, dict[str, float]] = Field({}, max_length=100)


class _Card(Config):
    """What the model says of itself to those who share it."""

    title: str = ""
    dataset: str = ""
    data_licence: str = ""
    licence: str = ""
    languages: list[str] = Field([], max_length=20)


class _Model(Config):
    """What stands in `model.yaml`. `translate`, `decoding` and `recogniser` are copies for people: the weights have
    their own."""

    format: str
    estimator: EstimateConfig
    estimator_version: str
    lift: LiftConfig
    refine: RefineConfig
    fps: float = Field(ge=1, le=1000)
    skeleton: Literal["signing_50"]
    language: str = ""
    segmenter: Cut = "rule"
    lift_version: str = ""
    translate: dict[str, Any]
    abstention: _Abstention
    files: dict[str, str] = Field(max_length=100)
    normalise: dict[str, Any] | None = None
    refine2d: Refine2DConfig | None = None
    decoding: dict[str, Any] = Field(default_factory=dict)
    recogniser: dict[str, Any] | None = None
    card: _Card | None = None


def read_model_config(path: Path) -> dict[str, Any]:
    """The content of a model folder's `model.yaml`.

    Raises InputError if it is missing or damaged, of another version, or names what does not lie in the folder.
    """
    check_folder(path, "a model folder, as `slt run` writes it")
    file = path / CONFIG
    if file.exists():
        _check_inside(path, CONFIG)
    elif not file.is_symlink():
        inner = f", {path / _INNER}" if (path / _INNER / CONFIG).is_file() else ""
        raise InputError(f"{path}: no {CONFIG} in it; give the folder of a model{inner}")
    config = read_yaml_file(file)
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise InputError(f"{file}: not a model of this program (format {FORMAT} is needed)")
    check_model_config(config, str(file))
    return config


def check_model_config(config: Mapping[str, Any], where: str) -> None:
    """InputError unless `config` is the content of a `model.yaml` whose names all lie in its folder."""
    model = check_config(config, _Model, where)
    for section, key in (("estimator", "name"), ("lift", "mode"), ("refine", "name")):
        if key not in config[section]:  # this program's default need not be what the model was trained with
            raise InputError(f"{where}: key '{section}.{key}' is missing; {_AGAIN}")
    for name in model.files:
        if not _is_bare(name):
            raise InputError(f"{where}: key 'files': {name!r} is not the name of a file in the folder; {_AGAIN}")
    for name in SIGN_READER if SIGNS in model.files else TRANSLATOR:
        if name not in model.files:
            raise InputError(f"{where}: key 'files': {name} is not among them; {_AGAIN}")
    _check_weights(model, where)
    for section, options in _stages(model).items():
        _check_below(options, f"{where}: key '{section}")


def _stages(model: _Model) -> dict[str, Config]:
    """The options of the stages that there are, by section."""
    found = {"estimator": model.estimator, "lift": model.lift, "refine": model.refine, "refine2d": model.refine2d}
    return {section: options for section, options in found.items() if options is not None}


def _check_weights(model: _Model, where: str) -> None:
    """InputError if a stage names weights that are not the folder's own, or the estimator what is of one machine."""
    for key in sorted(model.estimator.local & model.estimator.model_fields_set):
        raise InputError(f"{where}: key 'estimator.{key}': is of the machine that it was trained on; leave it out")
    for section, options in _stages(model).items():
        given, own = given_weights(options), _WEIGHTS.get(section)
        if given is not None and (given != own or given not in model.files):
            problem = "is not among its 'files'" if given == own else f"must be {own}, in the folder"
            raise InputError(f"{where}: key '{section}.weights': {given!r} {problem}; {_AGAIN}")


def _check_below(options: Config, where: str) -> None:
    """InputError if any text among the options of a stage would, as a path, lead out of where it starts."""
    for key, value in options.model_dump().items():
        if isinstance(value, str) and not _is_below(value):
            raise InputError(f"{where}.{key}': {value!r} leads elsewhere; make it a plain name")


def checked_file(folder: Path, name: str) -> Path:
    """The path of a file that a model folder lists, with the right bytes. InputError if it is not listed or damaged."""
    files = read_model_config(folder)["files"]
    if name not in files:
        raise InputError(f"{folder}: {name} is not among the files of the model; {_AGAIN}")
    _check_hash(folder, name, files[name])
    return folder / name


def check_files(folder: Path, files: Mapping[str, str]) -> None:
    """InputError unless all files of a folder are there, inside it, listed if they are read, and undamaged."""
    for name, digest in files.items():
        if name in UNREAD:
            _check_inside(folder, name)
        else:
            _check_hash(folder, name, digest)
    for name in READ:
        if name not in files and ((folder / name).exists() or (folder / name).is_symlink()):
            raise InputError(f"{folder}: {name} is not listed in {CONFIG}, so nobody vouches for it; {_AGAIN}")


def _check_hash(folder: Path, name: str, digest: str) -> None:
    _check_inside(folder, name)
    try:
        found = file_sha256(folder / name)
    except OSError as error:
        raise InputError(f"{folder / name}: cannot be read ({error.strerror}); {_AGAIN}") from error
    if found != digest:
        raise InputError(f"{folder}: {name} is damaged or was exchanged; {_AGAIN}")


def _check_inside(folder: Path, name: str) -> None:
    """InputError unless `name` is a plain file in the folder, or a link to one in it."""
    path = folder / name
    try:
        inside = path.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:  # no such file; links in a ring
        raise InputError(f"{folder}: {name} is missing; copy the whole model folder") from error
    if not inside:
        raise InputError(f"{path}: is a link that leads out of the model folder; copy the file itself (cp -L)")
    if not path.is_file():
        raise InputError(f"{path}: is not a file; {_AGAIN}")


def _is_bare(name: str) -> bool:
    return name not in ("", ".", "..") and PurePosixPath(name).name == name == PureWindowsPath(name).name


def _is_below(name: str) -> bool:
    """Whether a relative path stays below where it starts, by any system's reading."""
    kinds = (PurePosixPath(name), PureWindowsPath(name))
    return not any(path.is_absolute() or path.anchor or ".." in path.parts for path in kinds)
