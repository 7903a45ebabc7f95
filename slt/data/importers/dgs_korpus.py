"""The public DGS Korpus ("Meine DGS"): German Sign Language, two people in conversation, German and English.

SOURCE/**/<id>.eaf            tiers `Deutsche_Übersetzung_A`, `..._B`, `Translation_into_English_A` (or
                              `Englische_Übersetzung_A`), glosses in `Lexem_Gebärde_r_A`, `Lexem_Gebärde_l_A`
SOURCE/**/<id>_de.srt         in their place: subtitles that begin with who signs, `A: ...`
SOURCE/**/<id>_1a1.*          the view of person A, a video or a file of poses; `_1b1` of person B
SOURCE/**/<id>_openpose.json.gz   in its place: OpenPose of all views, also unpacked or `.openpose.json`; see
                              `skeletor.io.read_only.dgs_openpose`. A person's view becomes `poses/<id>_1a1.safetensors`
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from skeletor.files.suffixes import is_poses
from skeletor.io.read_only import dgs_openpose
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from slt.data.importers.base import Found, Imported, ImportOptions, chosen, files_named, media_below, seconds
from slt.data.importers.elan import glosses_within, read_eaf, unread_in, unread_note
from slt.data.importers.srt import read_srt
from slt.data.own import OwnDescription, tidy
from slt.data.tables import nfc

_PEOPLE = {"A": "1a1", "B": "1b1"}
_CAMERAS = {"A": "a1", "B": "b1"}  # what OpenPose's files call the views
_TEXTS = {"de": ("Deutsche_Übersetzung_",), "en": ("Translation_into_English_", "Englische_Übersetzung_")}
_GLOSSES = ("Lexem_Gebärde_r_", "Lexem_Gebärde_l_")
_SPEAKER = re.compile(r"([AB]):\s*(.*)")
_Sentence = tuple[str, float, float, str, str]  # who, start, end, glosses, text


class _Transcript:
    """OpenPose's file of a transcript: read once for both people; a pose that was given is not kept."""

    def __init__(self, path: Path, people: set[str]) -> None:
        self._path, self._wanted = path, {_CAMERAS[who] for who in people}
        self._poses: dict[str, PoseSequence] | None = None

    def pose(self, who: str) -> PoseSequence | None:
        """The view of a person whom the transcript was made for, once; None if the file lacks it."""
        if self._poses is None:
            self._poses = dgs_openpose.read_cameras(self._path, self._wanted)
        return self._poses.pop(_CAMERAS[who], None)


def read_dgs_korpus(source: Path, options: ImportOptions) -> Imported:
    """A clip for each translated sentence of a person whose view is there. language: de (the default) or en."""
    language = options.language or "de"
    if language not in _TEXTS:
        raise InputError(f"--language {language}: the DGS Korpus has de and en")
    documents = {path.stem: path for path in files_named(source, ".eaf")}
    suffix = f"_{language}.srt"
    subtitles = {path.name[: -len(suffix)]: path for path in files_named(source, suffix)}
    bare = [path for path in files_named(source, ".srt") if not path.stem.lower().endswith(("_de", "_en"))]
    subtitles |= {path.stem: path for path in bare}
    if not documents and not subtitles:
        raise InputError(f"{source}: no .eaf and no _{language}.srt in it or below, as the DGS Korpus has")
    media, openpose = media_below(source), _openpose_below(source)
    clips: list[Found] = []
    missing = unknown = silent = 0
    unread = Counter[Path]()
    for name in sorted(documents.keys() | subtitles.keys()):
        views = {who: chosen(media.get(nfc(f"{name}_{view}"), []), options.prefer) for who, view in _PEOPLE.items()}
        if name in openpose and options.prefer == "poses":
            views = {who: view if view and is_poses(view) else None for who, view in views.items()}
        told = list(_elan(documents[name], language, views, unread) if name in documents else _spoken(subtitles[name]))
        silent += name in documents and not told
        people = {who for who, *_ in told if who and views[who] is None}
        transcript = _Transcript(openpose[name], people) if name in openpose else None
        for number, (who, start, end, glosses, text) in enumerate(told, 1):
            unknown += not who
            missing += bool(who) and views[who] is None and transcript is None
            if who and (views[who] is not None or transcript is not None):
                own = partial(transcript.pose, who) if transcript is not None and views[who] is None else None
                clips.append(
                    Found(
                        f"{name}_{who}_{number:04}", views[who], "", "", glosses, text, seconds(start), seconds(end),
                        own, f"{name}_{_PEOPLE[who]}" if own else "",
                    )
                )  # fmt: skip
    notes = [f"{missing:,} sentences are of a view that is not here and are left out"] if missing else []
    notes += [f"{unknown:,} subtitles do not say who signs (A: or B:) and are left out"] if unknown else []
    notes += [f"{silent:,} documents have no sentence in a tier {_TEXTS[language][0]}A or ..._B"] if silent else []
    notes += unread_note(unread)
    if any(clip.poses for clip in clips):
        notes.append("views without a video are OpenPose's: `slt run` with --estimator poses")
    notes.append("it does not say who A and B are: the column signer is empty, and splits by signer are not possible")
    return Imported(tuple(clips), tuple(notes), OwnDescription(fps=dgs_openpose.FPS, language=language))


def _openpose_below(source: Path) -> dict[str, Path]:
    """Transcript -> OpenPose's file of it; the packed one, where both are there."""
    found: dict[str, Path] = {}
    for path in files_named(source, *dgs_openpose.SUFFIXES):
        suffix = next(suffix for suffix in dgs_openpose.SUFFIXES if path.name.lower().endswith(suffix))
        name = path.name[: -len(suffix)]
        if name not in found or suffix.endswith(".gz"):
            found[name] = path
    return found


def _elan(path: Path, language: str, views: Mapping[str, Path | None], unread: Counter[Path]) -> Iterator[_Sentence]:
    """By the clock of each person's view. unread: counts what is not in the file."""
    whole = read_eaf(path)
    for who, view in views.items():
        document = whole.on(view or Path(f"{path.stem}_{_PEOPLE[who]}.mp4"))  # OpenPose has the times of the video
        tier = next((document.tiers[n + who] for n in _TEXTS[language] if n + who in document.tiers), None)
        signs = [document.tiers[name + who] for name in _GLOSSES if name + who in document.tiers]
        unread[path] += unread_in([*signs, *([tier] if tier else [])])
        for one in tier.annotations if tier else ():
            if one.text:
                yield who, one.start, one.end, glosses_within(signs, one.start, one.end), one.text


def _spoken(path: Path) -> Iterator[_Sentence]:
    """Who signs stands before what is signed; in a subtitle of both people before a line of each."""
    for one in read_srt(path):
        said: list[tuple[str, list[str]]] = []
        for line in one.lines:
            match = _SPEAKER.fullmatch(line)
            if match is not None or not said:
                said.append((match[1] if match else "", []))
            said[-1][1].append(match[2] if match else line)
        for who, lines in said:
            if text := tidy(" ".join(lines)):
                yield who, one.start, one.end, "", text
