"""Back-translation: given pose sequences are translated and scored, the field's way to judge sign production."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skeletor.files.atomic import write_text
from skeletor.files.plain_json import to_json
from skeletor.files.suffixes import POSE_SUFFIXES, bare_name
from skeletor.io.read_only.slrtp import Clips
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError, SkeletorError
from skeletor.support.progress import progress
from slt.data.tables import nfc
from slt.estimators.given import PoseFiles
from slt.inference.chain import Chain
from slt.score.scores import Scores, score
from slt.score.tokens import Tokens


@dataclass(frozen=True)
class Source:
    """A clip and how to read it. aliases: what else references may call it: its name without folders ("dev/name" in
    `.files`), and its file's, if that holds no other clip.
    """

    name: str
    aliases: tuple[str, ...]
    read: Callable[[], PoseSequence]

    def called(self, references: Mapping[str, str]) -> str:
        """The first of the clip's names that is in the references; its own name if none is."""
        return next((name for name in (self.name, *self.aliases) if name in references), self.name)


@dataclass(frozen=True)
class BackTranslation:
    """hypotheses, references: by clip name, the same names. missing: names of references without a pose, unknown: of
    poses without a reference (left out), failed: name or file -> why it could not be used; missing and failed clips
    have an empty hypothesis. warnings: what is unlike the model's training -> number of clips.
    """

    hypotheses: Mapping[str, str]
    references: Mapping[str, str]
    scores: Scores
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    failed: Mapping[str, str]
    warnings: Mapping[str, int]

    def write(self, folder: Path) -> None:
        """Write hypotheses.tsv (name, hypothesis, reference) and scores.json.

        Raises InputError if they cannot be written.
        """
        rows = [f"{name}\t{text}\t{self.references[name]}\n" for name, text in self.hypotheses.items()]
        write_text(folder / "hypotheses.tsv", "".join(["name\thypothesis\treference\n", *rows]))
        write_text(folder / "scores.json", to_json(self.as_dict(), 1) + "\n")

    def as_dict(self) -> dict[str, object]:
        """Scores in per cent, and which clips were missing, unknown or bad, as plain values."""
        return {**self.scores.as_dict(), "missing": self.missing, "unknown": self.unknown,
                "failed": dict(self.failed), "warnings": dict(self.warnings)}  # fmt: skip


def find_sources(
    paths: Sequence[Path],
    fps: float | None = None,
    joints: tuple[str, ...] | None = None,
    skeleton: str | None = None,
) -> tuple[list[Source], dict[str, str]]:
    """The clips of files and of folders of files, and which files cannot be read, with the reason.

    A bad file is also a clip, called like the file, so that sentences given by line stay beside their clips. Files
    are in order of name, clips of one file in the file's own order.
    A folder is one clip if OpenPose's JSON files lie in it and no other poses; else its files and folders are taken,
    not those below.
    Names are in NFC. fps: replaces what the files say. joints: see `skeletor.io.read_only.slrtp.Clips`. skeleton:
    the layout of the points of files that do not tell theirs. InputError if there is nothing.
    """
    found: dict[str, Source] = {}
    failed: dict[str, str] = {}
    sound, poses = False, PoseFiles(fps, skeleton)
    for file in [file for path in paths for file in _files(path)]:
        try:
            for source in _sources(file, fps, joints, poses):
                if source.name in found:
                    failed[f"{file}: {source.name}"] = f"{file}: clip {source.name} is also in another file; left out"
                else:
                    found[source.name] = source
                    sound = True
        except SkeletorError as error:
            failed[str(file)] = str(error)
            found.setdefault(nfc(bare_name(file)), Source(nfc(bare_name(file)), (), _raiser(error)))
    if not sound:
        kinds = f"no files of poses; give {', '.join(POSE_SUFFIXES)} or OpenPose JSON"
        raise InputError(next(iter(failed.values()), f"{', '.join(map(str, paths))}: {kinds}"))
    return list(found.values()), failed


def _sources(file: Path, fps: float | None, joints: tuple[str, ...] | None, files: PoseFiles) -> Iterator[Source]:
    if file.is_dir() or (file.suffix.lower() == ".pose" and file.exists()):  # one clip, called like the file
        yield Source(nfc(bare_name(file)), (), lambda: files.read(file))
        return
    poses = Clips(file, fps, joints) if file.suffix.lower() == ".pt" else files.clips(file)
    for name in poses:
        aliases = (Path(name).name, *([bare_name(file)] if len(poses) == 1 else []))
        yield Source(nfc(name), tuple(map(nfc, aliases)), _reader(poses, name))


def _reader(poses: Mapping[str, PoseSequence], name: str) -> Callable[[], PoseSequence]:
    return lambda: poses[name]


def _raiser(error: SkeletorError) -> Callable[[], PoseSequence]:
    def read() -> PoseSequence:
        raise error

    return read


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path  # also one that is not there: the reader says so
        return
    inside = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    clips = [entry for entry in inside if entry.is_dir() or entry.suffix.lower() in POSE_SUFFIXES]
    if not clips and any(entry.suffix.lower() == ".json" for entry in inside):
        yield path
    yield from clips


def back_translate(
    chain: Chain, sources: Sequence[Source], references: Mapping[str, str], failed: Mapping[str, str], seed: int = 0,
    tokens: Tokens = "none",
) -> BackTranslation:  # fmt: skip
    """Translate the clips that have a reference, and score all references. tokens: what is a word in the scores.

    2D poses are lifted and refined as the model's config says; 3D ones are normalised, unless they are, and refined,
    unless they were. A clip that cannot be used is listed, and the others go on. InputError if no clip has a reference.
    """
    bad, warnings = dict(failed), Counter[str]()
    named: dict[str, Source] = {}
    for source in sources:
        first = named.setdefault(source.called(references), source)
        if first is not source:
            bad[source.name] = f"clip {source.name}: its reference is that of clip {first.name} too; left out"
    known = [name for name in references if name in named]
    if not known:
        raise InputError(
            f"none of the {len(named)} clips has a reference: clips are called like {next(iter(named), 'nothing')!r}, "
            f"references like {next(iter(references))!r}"
        )
    inputs: dict[str, np.ndarray] = {}
    for name in progress(known, "poses", unit="clip"):
        try:
            raw = named[name].read()
            inputs[name] = chain.model.translator.features(chain.spatial(raw))
            warnings.update(chain.warnings(raw))
        except SkeletorError as error:
            if str(error) not in bad.values():
                bad[name] = str(error)
    texts = [nfc(h.text) for h in chain.model.translator.translate(list(inputs.values()))]
    translated = dict(zip(inputs, texts, strict=True))
    hypotheses = {name: translated.get(name, "") for name in references}
    return BackTranslation(
        hypotheses=hypotheses,
        references=dict(references),
        scores=score(list(hypotheses.values()), list(references.values()), seed, tokens),
        missing=tuple(name for name in references if name not in named),
        unknown=tuple(sorted(set(named) - set(references))),
        failed=bad,
        warnings=dict(warnings),
    )
