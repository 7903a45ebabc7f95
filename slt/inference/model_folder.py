"""The model folder: the trained system with all that `slt translate` needs; it may be copied anywhere.

model.yaml               config of every stage, fps, skeleton, decoding, abstention thresholds, file hashes
translator.safetensors   weights of the translator, statistics of its features
signs.safetensors        in its place, and that of the vocabulary: of a model of isolated signs
recogniser.safetensors   only if the translator translates recognised glosses
recogniser-2.safetensors, translator-2.safetensors, ...   of several that read or translate together
vocabulary.txt           (and sentencepiece.model, if the words are pieces)
abstention.safetensors   what an input is compared with
refiner.safetensors      only if the refiner is a trained one
refine2d.safetensors     only if there is a 2D refiner before lifting
lifter.safetensors       only if the lifter is a trained one
scores.json              dev and test scores of this system
MODEL_CARD.md            data, licence, scores, limits
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from skeletor.files.atomic import atomic_path
from skeletor.poses.pose import file_sha256
from skeletor.support.errors import InputError
from slt.inference.model_files import (
    CARD,
    CONFIG,
    FORMAT,
    LIFTER,
    REFINER,
    REFINER_2D,
    SCORES,
    check_files,
    check_model_config,
    read_model_config,
)
from slt.score.accuracy import SignScores, signs_table
from slt.score.scores import Scores
from slt.segment.choice import Cut

if TYPE_CHECKING:
    from slt.translate.abstain import Abstention
    from slt.translate.reader import Reader

__all__ = ["CONFIG", "REFINER", "REFINER_2D", "Card", "ModelConfig", "ModelFolder", "load_model_folder", "model_card",
           "read_model_config", "save_model_folder"]  # fmt: skip
STAGES = ("estimator", "refine2d", "lift", "normalise", "refine")


@dataclass(frozen=True)
class ModelConfig:
    """How the input of the translator was made, so that any video can be treated alike.

    estimator, refine2d, lift, normalise, refine: the plain dicts of those stages' config sections, each with what its
    `build_*` function needs; paths must be relative to the folder (weights: REFINER_2D, LIFTER and REFINER).
    estimator_version, lift_version: of the estimator and the lifter that made the training poses, "" if it is not
    known. fps, skeleton: of those poses. language: code of the language that it writes, "" if it is not known.
    segmenter: what cuts long recordings, see `slt.segment.choice`.
    """

    estimator: Mapping[str, Any]
    estimator_version: str
    lift: Mapping[str, Any]
    refine: Mapping[str, Any]
    fps: float
    skeleton: str = "signing_50"
    normalise: Mapping[str, Any] | None = None
    refine2d: Mapping[str, Any] | None = None
    language: str = ""
    segmenter: Cut = "rule"
    lift_version: str = ""


@dataclass(frozen=True)
class Card:
    """What the model card says about where a model comes from."""

    title: str
    data: str
    data_licence: str
    limits: str
    licence: str = "Apache-2.0"
    rejections: str = ""  # Markdown: on how many clips of which kind the system abstains
    dataset: str = ""  # the name of the data, one word
    languages: Sequence[str] = ()  # ISO 639 codes, of the sign language and of the text

    def plain(self) -> dict[str, Any]:
        """What stands in `model.yaml`, for those who share the model."""
        return {"title": self.title, "dataset": self.dataset, "data_licence": self.data_licence,
                "licence": self.licence, "languages": list(self.languages)}  # fmt: skip


@dataclass(frozen=True, eq=False)
class ModelFolder:
    """A loaded model folder, all of whose files are those that it was saved with.

    refiner_weights is None if the refiner needs none. config is `model.yaml`.
    """

    path: Path
    config: Mapping[str, Any]
    translator: Reader
    abstention: Abstention
    refiner_weights: Path | None


def save_model_folder(
    out: Path | str,
    config: ModelConfig,
    translator_folder: Path,
    abstention: Abstention,
    scores: Mapping[str, Scores | SignScores],
    card: Card,
    refiner_weights: Path | None = None,
    refiner_2d_weights: Path | None = None,
    lifter_weights: Path | None = None,
) -> Path:
    """Write a model folder; it appears under its name only when it is whole, and replaces an older one.

    translator_folder: what `train_translator` or `Cascade.save` wrote. scores: split name -> scores.
    Raises InputError if a part is missing or a path in the config is absolute.
    """
    from slt.recognise.load import load_reader

    out = Path(out)
    translator = load_reader(translator_folder, "cpu")
    with atomic_path(out) as temporary:
        temporary.mkdir()
        translator.save(temporary, Path(translator_folder))
        abstention.save(temporary)
        config = replace(
            config,
            refine=_section(config.refine, refiner_weights, temporary / REFINER, "refiner"),
            lift=_section(config.lift, lifter_weights, temporary / LIFTER, "lifter"),
        )
        if config.refine2d is not None:
            own = _section(config.refine2d, refiner_2d_weights, temporary / REFINER_2D, "2D refiner")
            config = replace(config, refine2d=own)
        _check_relative(config)
        plain = {name: value.as_dict() for name, value in scores.items()}
        (temporary / SCORES).write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        content = {
            "format": FORMAT,
            **_plain(asdict(config)),
            **translator.plain(),
            "abstention": abstention.plain(),
            "card": card.plain(),
        }
        (temporary / CARD).write_text(model_card(card, content, scores, origins(temporary)), encoding="utf-8")
        content["files"] = {path.name: file_sha256(path) for path in sorted(temporary.iterdir())}
        check_model_config(content, str(out / CONFIG))
        (temporary / CONFIG).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return out


def _section(section: Mapping[str, Any], source: Path | None, target: Path, stage: str) -> Mapping[str, Any]:
    """A stage's section with its weights in the folder; weights that do not come along are not named either."""
    if source is None:
        return {**section, "weights": None} if section.get("weights") else section
    if not Path(source).is_file():
        raise InputError(f"{source}: the {stage}'s weights are missing; train the {stage} first")
    shutil.copyfile(source, target)
    return {**section, "weights": target.name}


def load_model_folder(path: Path | str, device: str = "auto") -> ModelFolder:
    """Read a model folder. Raises InputError if it is incomplete, damaged, or of another version."""
    from slt.recognise.load import load_reader
    from slt.translate.abstain import Abstention

    path = Path(path)
    config = read_model_config(path)
    check_files(path, config["files"])
    translator = load_reader(path, device, config["files"])
    abstention = Abstention.load(path)
    states = abstention.reference.bank.shape[1]
    if states != translator.width:
        raise InputError(
            f"{path}: its abstention has states of {states} numbers, its translator of {translator.width}; "
            "both must be of one training"
        )
    return ModelFolder(path, config, translator, abstention, path / REFINER if REFINER in config["files"] else None)


def origins(folder: Path) -> dict[str, str]:
    """Stage -> what its weights in a folder learned from, and under which licence."""
    from skeletor.lifters.learned.weights import load_lifter
    from skeletor.refiners.weights import load_refiner

    found = {}
    for name, file, load in (("refine", REFINER, load_refiner), ("lift", LIFTER, load_lifter)):
        with suppress(InputError):  # weights of another kind, which do not tell
            info = load(folder / file).info
            found[name] = f"{info.data or 'not told'}; licence: {info.licence or 'not told'}"
    return found


def model_card(
    card: Card, config: Mapping[str, Any], scores: Mapping[str, Scores | SignScores],
    weights: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """The model card as Markdown text. weights: see `origins`."""
    learned = "".join(f"Weights of the stage `{name}`: {text}.\n\n" for name, text in (weights or {}).items())
    isolated = any(isinstance(s, SignScores) for s in scores.values())
    what = "the label of the one sign in it, and the likeliest five, out" if isolated else "a written sentence out"
    last = "recognition" if isolated else "translation"
    stages = "\n".join(f"- {name}: `{json.dumps(config[name], ensure_ascii=False)}`" for name in STAGES if config[name])
    limits = _limits_table(config["abstention"])
    language = f"Language of the text: {config['language']}.\n\n" if config["language"] else ""
    return f"""# {card.title}

A video of someone signing in, {what}: 2D key points, 3D lifting, refinement, {last}.

## Data
{card.data}

{learned}{language}Licence of the data: {card.data_licence}. Licence of this model: {card.licence}.

## Stages
{stages}
- poses: {config["skeleton"]}, {config["fps"]:g} frames a second, estimator version {config["estimator_version"]}
- search: `{json.dumps(config["decoding"])}`

## Scores
{_scores_table(scores)}
## When it abstains
Set on {config["abstention"]["clips"]} dev clips so that about {config["abstention"]["share"]:.0%} of sound clips are
rejected. Thresholds by signal, for 2D on every frame or on one in so many only:

{limits}

{card.rejections}
## Limits
{card.limits}
"""


def _scores_table(scores: Mapping[str, Scores | SignScores]) -> str:
    """Scores by split, in Markdown, and how they were taken."""
    signs = {split: s for split, s in scores.items() if isinstance(s, SignScores)}
    if signs:
        return signs_table(signs)
    sentences = {split: s for split, s in scores.items() if isinstance(s, Scores)}
    rows = "\n".join(
        f"| {split} | {s.n} | {s.bleu4:.2f} [{s.intervals['bleu4'][0]:.2f}, {s.intervals['bleu4'][1]:.2f}] | "
        f"{s.bleu3:.2f} | {s.bleu2:.2f} | {s.bleu1:.2f} | {s.rouge:.2f} |"
        for split, s in sentences.items()
    )
    signature = next(iter(sentences.values())).signature if sentences else "none"
    wers = [f"{split} {s.wer:.2f}" for split, s in sentences.items() if s.wer is not None]
    glosses = f"\nWER of the recognised glosses: {', '.join(wers)}.\n" if wers else ""
    return f"""| split | sentences | BLEU-4 [95 %] | BLEU-3 | BLEU-2 | BLEU-1 | ROUGE |
|---|---:|---:|---:|---:|---:|---:|
{rows}

{signature}; ROUGE-L with beta 1.2; intervals by bootstrap over sentences; one training.
{glosses}"""


def _limits_table(abstention: Mapping[str, Any]) -> str:
    """Thresholds of all strides, in Markdown."""
    columns = {str(abstention["stride"]): abstention["thresholds"], **abstention["sparse"]}
    lines = [f"| 2D on 1 frame in | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    lines += [
        f"| {name} | {' | '.join(f'{found[name]:.3g}' for found in columns.values())} |"
        for name in sorted(abstention["thresholds"])
    ]
    return "\n".join(lines)


def _check_relative(config: ModelConfig) -> None:
    """A model folder must work on another machine."""

    def walk(value: Any, key: str) -> None:
        if isinstance(value, Mapping):
            for name, part in value.items():
                walk(part, f"{key}.{name}")
        elif isinstance(value, (str, Path)) and Path(value).is_absolute():
            raise InputError(f"model folder: {key} is the absolute path {value}; make it relative to the folder")

    walk(asdict(config), "config")


def _plain(value: Any) -> Any:
    """Tuples to lists, for YAML."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value
