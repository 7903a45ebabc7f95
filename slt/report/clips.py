"""The best and the worst clips: their sentence, what was understood, frames and skeletons, and the clip in 3D."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from skeletor.io.store import open_store
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.report.finished import Finished
from slt.report.markup import Markup, join, tag
from slt.report.pictures import chosen, pictures, skeletons
from slt.video import Span
from slt.viewer.scene import make_scene

COUNT = 10  # of the best, and of the worst
_FRAMES = 120  # of a scene: of a longer clip every second one, every third, ...
Clip = Mapping[str, Any]


@dataclass(frozen=True)
class Stores:
    """Poses of the clips by name: 2D as detected, lifted, and as the system read them."""

    detected: Mapping[str, PoseSequence]
    lifted: Mapping[str, PoseSequence]
    own: Mapping[str, PoseSequence]

    @staticmethod
    def of(run: Finished) -> Stores:
        """Those of a finished run; a store that is not there any more holds none."""
        wanted = (run.review.get("own") or {}).get("row")
        own = next((row["poses"] for row in run.review["rows"] if row["name"] == wanted), None)
        places = (run.review.get("detected"), run.review.get("lifted"), own)
        return Stores(*({} if place is None else open_store(run.path(place)) for place in places))


def best_and_worst(clips: Sequence[Clip], count: int = COUNT) -> tuple[list[Clip], list[Clip]]:
    """At most `count` each, no clip twice: the highest and the lowest scores. Of equal scores the longer sentence."""
    best = sorted(clips, key=lambda c: (-c["score"], -len(c["reference"]), c["name"]))[: min(count, len(clips) // 2)]
    taken = {clip["name"] for clip in best}
    rest = [clip for clip in clips if clip["name"] not in taken]
    return best, sorted(rest, key=lambda c: (c["score"], -len(c["reference"]), c["name"]))[:count]


def card(run: Finished, clip: Clip, stores: Stores, scenes: dict[str, Any]) -> Markup:
    """One clip. What it is in 3D is put into `scenes`, by an id of the page."""
    signs = run.review.get("task") == "recognise"
    measure = "" if clip["hypothesis"] is None else _score(clip, signs)
    head = tag("h3", {}, clip["name"], " ", tag("span", {"class": "soft"}, measure))
    parts = [head, _frames(run, clip, stores), _sentences(clip, signs)]
    if (scene := _scene(clip, stores)) is not None:
        key = f"scene-{len(scenes)}"
        scenes[key] = scene
        parts.append(tag("button", {"type": "button", "data-scene": key, "aria-expanded": "false"}, "Play in 3D"))
        parts.append(tag("div", {"class": "place"}))
    return tag("article", {"class": "panel clip"}, *parts)


def _score(clip: Clip, signs: bool) -> str:
    if not signs:
        return f"ROUGE {clip['score']:.1f}"
    return f"rank {round(100 / clip['score'])}" if clip["score"] > 0 else "not among the guesses"


def _frames(run: Finished, clip: Clip, stores: Stores) -> Markup:
    own, lifted = stores.own.get(clip["name"]), stores.lifted.get(clip["name"])
    images: list[Markup] = []
    seconds: list[float] = []
    drawn: list[Markup] = []
    if own is not None:
        frames = chosen(len(own))
        seconds = [t / own.fps for t in frames]
        drawn = skeletons(own if lifted is None or len(lifted) != len(own) else lifted, own, frames)
    if clip["video"] is not None:
        images = _pictures(run, clip, seconds or [0.0])
    columns = [tag("div", {}, *(part for part in pair if part))
               for pair in _side_by_side(images, drawn)]  # fmt: skip
    return tag("div", {"class": "strip"}, *columns)


def _side_by_side(images: Sequence[Markup], drawn: Sequence[Markup]) -> list[tuple[Markup, Markup]]:
    nothing = Markup("")
    count = max(len(images), len(drawn))
    return [(images[k] if k < len(images) else nothing, drawn[k] if k < len(drawn) else nothing) for k in range(count)]


def _pictures(run: Finished, clip: Clip, seconds: Sequence[float]) -> list[Markup]:
    """None if the video is not there any more: the page is worth having without it."""
    span = None if clip["start"] is None else Span(clip["start"], clip["end"])
    try:
        return pictures(run.path(clip["video"]), seconds, span, float(run.review["fps"]))
    except InputError as error:
        log.warning("report.html: %s is shown without its video: %s", clip["name"], error)
        return []


def _sentences(clip: Clip, signs: bool) -> Markup:
    lines: list[tuple[str, Markup]] = []
    said, true = clip["hypothesis"], clip["reference"]
    if said is None:
        lines = [("reference", Markup(tag("span", {}, true))), ("", tag("em", {}, "nobody was found in this clip"))]
    else:
        lines = [(name, _marked(one, other)) for name, one, other in
                 (("reference", true, said), ("hypothesis", said, true))]  # fmt: skip
    read = clip["read"]
    if signs and read is not None:
        lines.append(("guesses", join(", ".join(read))))
    elif read is not None:
        true_glosses, found = " ".join(clip["glosses"]), " ".join(read)
        lines += [("glosses", _marked(true_glosses, found)), ("recognised", _marked(found, true_glosses))]
    return tag("dl", {}, *(join(tag("dt", {}, name), tag("dd", {}, line)) for name, line in lines))


def _marked(text: str, other: str) -> Markup:
    """The words of a text; those that the other one has not in that place are marked."""
    words, others = text.split(), other.split()
    same = {k for block in SequenceMatcher(None, words, others, autojunk=False).get_matching_blocks()
            for k in range(block.a, block.a + block.size)}  # fmt: skip
    shown = [tag("span", {}, word) if k in same else tag("mark", {}, word) for k, word in enumerate(words)]
    return join(*(part for word in shown for part in (word, " ")))


def _scene(clip: Clip, stores: Stores) -> dict[str, Any] | None:
    """The clip for the viewer, in 3D alone; None if it has no poses, or they are flat."""
    found = [store.get(clip["name"]) for store in (stores.detected, stores.lifted, stores.own)]
    raw, lifted, own = found
    if raw is None or lifted is None or own is None or not len(raw) == len(lifted) == len(own) > 0:
        return None
    if lifted.dims != 3 or own.dims != 3:
        return None
    scene = make_scene(clip["name"], raw, lifted, own, thin=-(-len(own) // _FRAMES))
    return scene | {"flat": None, "picture": None}
