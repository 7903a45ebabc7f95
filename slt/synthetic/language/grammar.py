"""German weather forecasts with DGS-like glosses: a slot grammar with several wordings per gloss sequence.

Glosses follow the order of DGS: time, place, topic, predicate; no articles, no prepositions. A pattern is a
sequence of slots and fixed glosses; its wordings are German sentences for it. Which wording is taken is
random, but not a coin toss: each names classes of glosses (weekday or "morgen", compass point or city, ...)
under which it is the usual one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from skeletor.support.errors import InputError
from slt.synthetic.language import german as de
from slt.synthetic.language.patterns import PATTERNS, Pattern, Wording

SLOTS: Mapping[str, tuple[str, ...]] = {
    "day": tuple(de.DAY),
    "daytime": tuple(de.DAYTIME),
    "region": tuple(de.REGION),
    "number": tuple(de.NUMBER),
    "precipitation": tuple(de.PRECIPITATION),
    "wind": tuple(de.WIND),
    "hazard": tuple(de.HAZARD),
    "system": tuple(de.SYSTEM),
    "sky": tuple(de.SKY),
    "feel": tuple(de.FEEL),
    "strength": tuple(de.STRENGTH),
    "extent": tuple(de.EXTENT),
    "change": tuple(c for c in de.CHANGE if c != "AUFLOESEN"),
    "trend": tuple(de.TREND),
    "state": tuple(de.STATE),
    "weather": tuple(de.WEATHER),
    "direction": tuple(de.DIRECTION),
}
_USUAL = 9.0  # weight of a wording whose classes fit, against 1 for the others


@dataclass(frozen=True)
class Sentence:
    """A gloss sequence with one German wording.

    text: lower-case tokens with single spaces, ends with " .". content: those tokens of the text, in its
    order, that realise slots: what a right translation must contain.
    """

    glosses: tuple[str, ...]
    text: str
    content: tuple[str, ...]


GLOSSES: tuple[str, ...] = tuple(
    sorted({g for values in SLOTS.values() for g in values} | {i for p in PATTERNS for i in p.items if i.isupper()})
)


def wordings(glosses: tuple[str, ...]) -> tuple[tuple[Sentence, float], ...]:
    """All wordings of a gloss sequence with their probabilities (sum 1), most probable first.

    InputError if no pattern of the grammar gives this sequence.
    """
    for pattern in PATTERNS:
        values = _match(pattern, glosses)
        if values is not None:
            made = [(_sentence(glosses, w, values), p) for w, p in _weighted(pattern, glosses)]
            return tuple(sorted(made, key=lambda pair: -pair[1]))
    raise InputError(f"gloss sequence {' '.join(glosses)!r} is not in the grammar")


def make_splits(train: int, dev: int, test: int, seed: int) -> dict[str, list[Sentence]]:
    """`train`, `dev` and `test` sentences by split; no gloss sequence of dev or test is in another split.

    dev and test hold distinct gloss sequences; a tenth of train repeats an earlier sequence, with a wording
    drawn anew. With the same dev, test and seed a shorter train is the beginning of a longer one.
    """
    rng = np.random.default_rng([seed, 20210])
    held_out: dict[tuple[str, ...], None] = {}
    while len(held_out) < dev + test:
        held_out.setdefault(draw_glosses(rng))
    order = list(held_out)
    splits = {"dev": [_draw(g, rng) for g in order[:dev]], "test": [_draw(g, rng) for g in order[dev:]]}
    drawn: list[Sentence] = []
    while len(drawn) < train:
        again = bool(drawn) and rng.random() < 0.1
        glosses = drawn[rng.integers(len(drawn))].glosses if again else draw_glosses(rng)
        if glosses not in held_out:
            drawn.append(_draw(glosses, rng))
    return {"train": drawn, **splits}


def draw_glosses(rng: np.random.Generator) -> tuple[str, ...]:
    """A random gloss sequence of the grammar.

    Within a slot the most frequent gloss is up to 1.4 times as frequent as the rarest.
    """
    shares = np.array([p.share for p in PATTERNS])
    pattern = PATTERNS[rng.choice(len(PATTERNS), p=shares / shares.sum())]
    while True:
        glosses = tuple(_draw_item(item, rng) for item in pattern.items)
        if _sensible(pattern, glosses):
            return glosses


def _draw_item(item: str, rng: np.random.Generator) -> str:
    if item.isupper():
        return item
    values = SLOTS[item.rstrip("2")]
    return values[int(np.searchsorted(_shares(len(values)), rng.random(), side="right"))]


@cache
def _shares(n: int) -> np.ndarray:
    """(n,) cumulative probabilities of a slot's n glosses."""
    # A mild Zipf law; the stride takes neighbours of the list apart, so that it is not by alphabet or size.
    rank = (np.arange(n) * 5) % n
    weight = 1.0 / (rank + 2.5 * n)
    total = np.cumsum(weight / weight.sum())
    total[-1] = 1.0
    return total


def _sensible(pattern: Pattern, glosses: tuple[str, ...]) -> bool:
    """Leave out what nobody would say: two equal regions, stars at noon, minus thirty degrees."""
    values = dict(zip(pattern.items, glosses, strict=True))
    daytime = values.get("daytime")
    if any(values.get(f"{slot}2") == values[slot] for slot in ("region", "feel", "number") if slot in values):
        return False
    if values.get("day") == "NAECHSTE-WOCHE" and daytime is not None:
        return False
    if values.get("sky") == "STERNE" and daytime not in (None, "ABEND", "NACHT"):
        return False
    if values.get("sky") == "SONNE" and daytime == "NACHT":
        return False
    if "MINUS" in glosses and values["number"] in ("NULL", "DREISSIG"):
        return False
    return not pattern.name.startswith("fog") or values["sky"] in ("NEBEL", "HOCHNEBEL", "DUNST", "WOLKE")


def _match(pattern: Pattern, glosses: tuple[str, ...]) -> dict[str, str] | None:
    if len(glosses) != len(pattern.items):
        return None
    for item, gloss in zip(pattern.items, glosses, strict=True):
        if gloss != item if item.isupper() else gloss not in SLOTS[item.rstrip("2")]:
            return None
    return dict(zip(pattern.items, glosses, strict=True)) if _sensible(pattern, glosses) else None


def _weighted(pattern: Pattern, glosses: tuple[str, ...]) -> list[tuple[Wording, float]]:
    """The pattern's wordings with probabilities; one without classes is usual where no other is."""
    tags = {tag for gloss in glosses for tag in de.tags_of(gloss)}
    fits = np.array([bool(tags.intersection(w.when)) for w in pattern.wordings])
    if not fits.any():
        fits = np.array([not w.when for w in pattern.wordings])
    weights = np.where(fits, _USUAL, 1.0)
    return list(zip(pattern.wordings, (weights / weights.sum()).tolist(), strict=True))


def _draw(glosses: tuple[str, ...], rng: np.random.Generator) -> Sentence:
    options = wordings(glosses)
    return options[rng.choice(len(options), p=[p for _, p in options])][0]


def _sentence(glosses: tuple[str, ...], wording: Wording, values: Mapping[str, str]) -> Sentence:
    tokens = wording.template.format_map(_phrases(values)).split()
    content = tuple(t[1:] for t in tokens if t.startswith("*"))
    return Sentence(glosses, " ".join([*(t.lstrip("*") for t in tokens), "."]), content)


def _phrases(values: Mapping[str, str]) -> dict[str, str]:
    """What each placeholder of the templates says for these slot values."""
    v = values.get
    phrases = {"time": _time(values)}
    for slot, table in (("region", de.REGION), ("direction", de.DIRECTION), ("extent", de.EXTENT)):
        phrases |= {key: table[values[key]] for key in (slot, slot + "2") if key in values}
    minus = "*minus " if "MINUS" in values else ""
    phrases |= {key: minus + de.NUMBER[values[key]] for key in ("number", "number2") if key in values}
    for slot, words in (("sky", de.SKY), ("feel", de.FEEL)):
        for key, suffix in product((slot, slot + "2"), ("", "_f", "_n")):
            if key in values:
                word = words[values[key]]
                word = de.inflect(word, suffix[1:], "nominative") if suffix else word
                phrases[key + suffix] = f"*{word}"
    if state := v("state"):
        phrases["state"] = f"*{de.STATE[state]}"
    if trend := v("trend"):
        phrases["trend"] = f"*{de.TREND[trend][0]}"
    if weather := v("weather"):
        phrases["weather"] = f"*{de.WEATHER[weather][0]}"
    return phrases | _noun_phrases(values)


def _time(values: Mapping[str, str]) -> str:
    day, daytime = values["day"], values.get("daytime")
    if daytime is None:
        return de.DAY[day]
    return f"{de.DAY[day]} {(de.DAYTIME_SHORT if day in de.RELATIVE_DAYS else de.DAYTIME)[daytime]}"


def _noun_phrases(values: Mapping[str, str]) -> dict[str, str]:
    """Phrases of the noun of a pattern (precipitation, wind, hazard, sky) and of a weather system."""
    phrases: dict[str, str] = {}
    noun: de.Noun | None = None
    for slot, nouns in (("precipitation", de.PRECIPITATION), ("wind", de.WIND), ("hazard", de.HAZARD)):
        if slot in values:
            noun = nouns[values[slot]]
    change = values.get("change", values.get("AUFLOESEN"))
    if noun is None and change is not None:
        noun = de.SKY_NOUN.get(values["sky"])
    if noun is not None:
        adjective = de.STRENGTH[values["strength"]] if "strength" in values else ""
        plural = noun.gender == "p"
        for short, case in (("nom", "nominative"), ("acc", "accusative"), ("dat", "dative")):
            phrases[f"np_{short}"] = de.noun_phrase(noun, case, adjective)
        verbs = {"falls": ("fällt", "gibt es"), "is": ("ist", "sind"), "comes": ("kommt", "kommen"),
                 "blows": ("weht", "wehen"), "threatens": ("droht", "drohen")}  # fmt: skip
        phrases |= {key: forms[plural] for key, forms in verbs.items()}
        if change is not None:
            singular, many, particle = de.CHANGE[change]
            phrases |= {"the": de.with_article(noun, "nominative", definite=True), "particle": f"*{particle}"}
            phrases["verb"] = "*" + (many if plural else singular)
    if "system" in values:
        system = de.SYSTEM[values["system"]]
        phrases["system_nom"] = de.with_article(system, "nominative", definite=False)
        phrases["system_dat"] = de.with_article(system, "dative", definite=False)
    return phrases
