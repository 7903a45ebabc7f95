"""README.md as the Hub reads it: a YAML header (language, licence, metrics, data sets, scores) above the model card."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from skeletor.support.config import read_yaml, read_yaml_file
from skeletor.support.errors import InputError, one_line

README = "README.md"
_FENCE = "---"
_LARGEST = 1 << 20  # characters of a card
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_LONGEST = 200
# Licences as people write them -> as the Hub knows them; another one is "other", with its name beside it.
_LICENCES = ("apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0",
             "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "bsd-3-clause", "gpl-3.0", "agpl-3.0", "lgpl-3.0", "mpl-2.0",
             "openrail", "unlicense")  # fmt: skip
# Score -> the Hub's name of the metric, and the name that people read.
METRICS: Mapping[str, tuple[str, str]] = {
    "bleu4": ("bleu", "BLEU-4"),
    "rouge": ("rouge", "ROUGE-L"),
    "chrf": ("chrf", "chrF"),
    "wer": ("wer", "WER of glosses"),
    "top1": ("accuracy", "accuracy"),
    "top5": ("accuracy", "top-5 accuracy"),
}


@dataclass(frozen=True)
class About:
    """What the header says beside the scores.

    title: of the model. languages: ISO 639 codes, of the sign language and of the text. licence: of the model.
    dataset: the name of the data, for the Hub and for people. task: the Hub's word for what the model does.
    """

    title: str
    languages: tuple[str, ...]
    licence: str
    dataset: str
    task: str = "translation"

    def __post_init__(self) -> None:
        for code in self.languages:
            if not _LANGUAGE.fullmatch(code):
                raise InputError(f"language {code[:_LONGEST]!r}: no code of ISO 639; give for example de, or gsg,de")
        for what, value in (("language", self.languages), ("licence", self.licence), ("dataset", self.dataset)):
            if not value:
                raise InputError(f"the card needs the {what}; give it with --{what}")


class _Dumper(yaml.SafeDumper):
    """PyYAML's, but a text such as 1E0 is quoted: to it that is no number, to readers of YAML 1.2 it is one."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "'" if _NUMBER_LIKE.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_NUMBER_LIKE = re.compile(r"[-+.0-9eExXoO_]+")
_Dumper.add_representer(str, _text)


def make_readme(about: About, scores: Mapping[str, Mapping[str, Any]], body: str) -> str:
    """The whole README.md: header and `body`, Markdown. scores: split -> score -> value, as in scores.json.

    The same arguments give the same bytes. Raises InputError if there is no score that a metric stands for.
    """
    header = yaml.dump(_header(about, scores), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
    return f"{_FENCE}\n{header}{_FENCE}\n\n{body.strip()}\n"


def _header(about: About, scores: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    results = [_result(about, split, values) for split, values in scores.items()]
    found = list(dict.fromkeys(metric["type"] for result in results for metric in result["metrics"]))
    if not found:
        raise InputError("the model has no scores, and a card names them; write the model folder by `slt run`")
    return {
        "language": list(about.languages),
        **_licence(about.licence),
        "library_name": "skeletor-slt",
        "pipeline_tag": about.task,
        "tags": ["sign-language", "pose", "skeletor-slt"],
        "datasets": [about.dataset],
        "metrics": found,
        "model-index": [{"name": about.title, "results": results}],
    }


def _result(about: About, split: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The scores of a split as an entry of the Hub's model-index; in per cent, two digits."""
    kept = [(key, values[key]) for key in METRICS if isinstance(values.get(key), (int, float))]
    return {
        "task": {"type": about.task, "name": "Sign language recognition" if "top1" in values else
                 "Sign language translation"},
        "dataset": {"name": about.dataset, "type": about.dataset, "split": split},
        "metrics": [{"type": METRICS[k][0], "name": METRICS[k][1], "value": round(float(v), 2)} for k, v in kept],
    }  # fmt: skip


def _licence(written: str) -> dict[str, str]:
    """The Hub's key or keys for a licence as people write it."""
    plain = re.sub(r"[\s_]+", "-", written.strip().lower())
    if plain in _LICENCES:
        return {"license": plain}
    return {"license": "other", "license_name": written.strip()}


def read_header(text: str) -> dict[str, Any]:
    """The header of a README.md. Raises InputError, one line, if there is none or it is no YAML."""
    if len(text) > _LARGEST:
        raise InputError(f"{README}: {len(text):,} characters, at most {_LARGEST:,} are read")
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != _FENCE or _FENCE not in (line.rstrip() for line in lines[1:]):
        raise InputError(f"{README}: has no YAML header between lines of ---; `slt model export` writes one")
    end = next(k for k, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE)
    try:
        header = read_yaml("\n".join(lines[1:end]))
    except yaml.YAMLError as error:
        raise InputError(f"{README}: its header is no YAML: {one_line(error, _LONGEST)}") from error
    if not isinstance(header, dict):
        raise InputError(f"{README}: its header holds no keys and values")
    return header


def header_faults(header: Mapping[str, Any]) -> list[str]:
    """What a header lacks, one line each: it has to name language, licence, metrics and data sets."""
    faults = [
        f"{README}: the header does not name {what} (key {key!r})"
        for key, what in (("language", "the language"), ("metrics", "the metrics"), ("datasets", "the data sets"))
        if not _texts(header.get(key))
    ]
    odd = [code for code in _texts(header.get("language")) if not _LANGUAGE.fullmatch(code)]
    faults += [f"{README}: language {code[:_LONGEST]!r} is no code of ISO 639" for code in odd]
    licence = header.get("license")
    if not (isinstance(licence, str) and licence and licence.isprintable()):  # it is shown on a terminal
        faults.append(f"{README}: the header does not name the licence (key 'license')")
    elif licence == "other" and not header.get("license_name"):
        faults.append(f"{README}: license is 'other', and license_name does not say which")
    index = header.get("model-index", [])
    if not isinstance(index, list) or not all(isinstance(one, dict) and one.get("name") for one in index):
        faults.append(f"{README}: model-index is no list of models with names")
    return faults


def _texts(value: Any) -> Sequence[str]:
    """A text, or a list of texts, as a list; [] for anything else, or empty ones."""
    found = [value] if isinstance(value, str) else value
    return found if isinstance(found, list) and found and all(isinstance(v, str) and v for v in found) else []


def read_scores(path: Path) -> dict[str, Mapping[str, Any]]:
    """Split -> score -> value, of scores.json; nothing if there is none. Raises InputError if it is something else."""
    found = read_yaml_file(path) if path.exists() else {}  # JSON is YAML, and this reader has limits
    if not isinstance(found, dict) or not all(isinstance(values, dict) for values in found.values()):
        raise InputError(f"{path}: holds no scores by split; copy the model folder again")
    return found
