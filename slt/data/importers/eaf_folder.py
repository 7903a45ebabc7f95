"""A folder of ELAN documents of one's own, each beside the video that it is about.

SOURCE/**/<name>.eaf     a clip for each annotation of the tiers with sentences; default: the tier `sentence`, or
                         `sentence@WHO` for each person (as `slt translate -f eaf` writes them)
SOURCE/**/               its video: what the document links to, by its path or its name; else a recording called <name>
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

from skeletor.support.errors import InputError
from slt.data.importers.base import Found, Imported, ImportOptions, chosen, files_named, media_below, seconds
from slt.data.importers.elan import Document, Tier, glosses_within, media_name, read_eaf, unread_in, unread_note
from slt.data.own import OwnDescription, tidy
from slt.data.tables import nfc

# What `slt.segment.written`, which lies above this package, calls them.
_SENTENCE, _GLOSS, _NOT_UNDERSTOOD = "sentence", "gloss", "[not understood]"
_NUMBERED = re.compile(r"signer \d+")


def read_eaf_folder(source: Path, options: ImportOptions) -> Imported:
    """The annotations with text of the sentences' tiers, without those that the system has not understood.

    Signers: what the tiers say of their participant, but for the numbers that the system gives to those of a recording.
    Glosses are those of the gloss tiers in the time of the sentence; of tiers that name participants, of the same one.
    Raises InputError if a document lacks all tiers of the sentences.
    """
    paths = files_named(source, ".eaf")
    if not paths:
        raise InputError(f"{source}: no .eaf in it or below")
    media = media_below(source)
    clips: list[Found] = []
    notes, names, there = [], set[str](), set[str]()
    unread: dict[Path, int] = {}
    for path in paths:
        document = read_eaf(path)
        there |= document.tiers.keys()
        recording = _recording(document, media, options.prefer)
        if recording is None:
            notes.append(f"{path}: its video is not in {source}; its sentences are left out")
            continue
        name = _unlike(names, path)
        names.add(name)
        clips += _clips(document.on(recording), name, recording, options)
        unread[path] = unread_in([*_sentences(document, options), *_glosses(document, options)])
    notes += unread_note(unread)
    asked = {"--text-tier": options.text_tiers, "--gloss-tier": options.gloss_tiers}
    notes += [f"{option} {name}: no document has such a tier"
              for option, wanted in asked.items() for name in wanted if tidy(name) not in there]  # fmt: skip
    if lost := sum(clip.text == _NOT_UNDERSTOOD for clip in clips):
        notes.append(f"{lost:,} sentences are {_NOT_UNDERSTOOD} and are left out; write in ELAN what is signed there")
    if any(_NUMBERED.fullmatch(clip.signer) for clip in clips):
        notes.append("signers that have a number alone are others in each document: the column signer is empty there")
    told = [
        replace(clip, signer="" if _NUMBERED.fullmatch(clip.signer) else clip.signer)
        for clip in clips if clip.text != _NOT_UNDERSTOOD
    ]  # fmt: skip
    return Imported(tuple(told), tuple(notes), OwnDescription(language=options.language))


def _clips(document: Document, name: str, recording: Path, options: ImportOptions) -> list[Found]:
    tiers = _sentences(document, options)
    if not tiers:
        document.tier((options.text_tiers or [_SENTENCE])[0])
    glosses = _glosses(document, options)
    told = [(one, tier) for tier in tiers for one in tier.annotations if one.text]
    told.sort(key=lambda pair: (pair[0].start, pair[0].end))
    return [
        Found(
            f"{name}_{number:04}", recording, "", tier.participant,
            glosses_within([g for g in glosses if _same(g, tier)], one.start, one.end), one.text,
            seconds(one.start), seconds(one.end),
        )
        for number, (one, tier) in enumerate(told, 1)
    ]  # fmt: skip


def _sentences(document: Document, options: ImportOptions) -> list[Tier]:
    return document.tiers_named(options.text_tiers or _usual(document, _SENTENCE))


def _glosses(document: Document, options: ImportOptions) -> list[Tier]:
    return document.tiers_named(options.gloss_tiers or _usual(document, _GLOSS))


def _usual(document: Document, kind: str) -> list[str]:
    """The names of the tiers of one kind where nobody says others: of everybody, and of single people."""
    return [name for name in document.tiers if name == kind or name.startswith(f"{kind}@")]


def _unlike(names: set[str], path: Path) -> str:
    """What the clips of a document are called by: its name, with folders before it until no other has it."""
    name, folders = path.stem, path.parents
    for folder in folders:
        if name not in names:
            break
        name = f"{folder.name}_{name}"
    return name


def _same(one: Tier, other: Tier) -> bool:
    """Whether two tiers may be of one person."""
    return not one.participant or not other.participant or one.participant == other.participant


def _recording(document: Document, media: dict[str, list[Path]], prefer: str) -> Path | None:
    """What a document is about, among the recordings of the tree: links lead nowhere else."""
    known = {path.resolve(): path for paths in media.values() for path in paths}
    for link in document.media:
        linked = (document.path.parent / link).resolve()
        if linked in known:
            return known[linked]
    stems = [nfc(PurePosixPath(media_name(link)).stem) for link in document.media]
    for stem in (*stems, nfc(document.path.stem)):
        beside = [path for path in media.get(stem, []) if path.parent == document.path.parent]
        if found := chosen(beside or media.get(stem, []), prefer):
            return found
    return None
