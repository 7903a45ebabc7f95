"""German weather forecasts with DGS-like glosses: a slot grammar with several wordings per gloss sequence.

Glosses follow the order of DGS: time, place, topic, predicate; no articles, no prepositions. A pattern is a
sequence of slots and fixed glosses; its wordings are German sentences for it. Which wording is taken is
random, but not a coin toss: each names classes of glosses (weekday or "morgen", compass point or city, ...)
under which it is the usual one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from skeletor.errors import InputError
from slt.corpus import german as de

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


@dataclass(frozen=True)
class Wording:
    """A template and the classes of glosses under which it is the usual wording."""

    template: str
    when: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pattern:
    """A kind of sentence: glosses in order ("region2" is a second region, upper case a fixed gloss)."""

    name: str
    share: float
    items: tuple[str, ...]
    wordings: tuple[Wording, ...]


def _pattern(name: str, share: float, items: str, *wordings: tuple[str, str]) -> Pattern:
    made = tuple(Wording(template, tuple(when.split())) for template, when in wordings)
    return Pattern(name, share, tuple(items.split()), made)


_PRECIPITATION = (
    ("{time} gibt es {region} {np_acc}", "cardinal city"),
    ("{region} ist {time} mit {np_dat} zu rechnen", "landscape"),
    ("{time} {falls} {region} {np_nom}", "land"),
    ("{region} kommt es {time} zu {np_dat}", ""),
)
_EXTENT = (
    ("{time} gibt es {region} {extent} {np_acc}", "cardinal city"),
    ("{region} kommt es {time} {extent} zu {np_dat}", "landscape"),
    ("{region} {is} {time} {extent} {np_nom} möglich", "land"),
)
_SKY = (
    ("{time} ist es {region} {sky}", "cardinal"),
    ("{region} zeigt sich der himmel {time} {sky}", "land city"),
    ("der himmel ist {time} {region} {sky}", "landscape"),
)
_DEGREES = (
    ("{time} liegen die temperaturen {region} bei {number} grad", "cardinal"),
    ("{region} erreichen die temperaturen {time} {number} grad", "land city"),
    ("{time} werden {region} {number} grad erwartet", "landscape"),
    ("die werte liegen {time} {region} bei {number} grad", ""),
)
_TREND = (
    ("{time} {trend} die temperaturen {region} auf {number} grad", "low"),
    ("die temperaturen {trend} {time} {region} auf {number} grad", "high"),
    ("{region} {trend} die werte {time} auf {number} grad", ""),
)
_STATE = (
    ("{time} {state} es {region} {feel}", "cardinal city"),
    ("{region} {state} es {time} {feel}", "landscape"),
    ("es {state} {time} {region} {feel}", "land"),
)
_CHANGE = (
    ("{time} {verb} {the} {region} {particle}", "weekday"),
    ("{region} {verb} {the} {time} {particle}", "relative"),
    ("{the} {verb} {time} {region} {particle}", ""),
)

PATTERNS: tuple[Pattern, ...] = (
    _pattern("precipitation", 9, "day region strength precipitation", *_PRECIPITATION),
    _pattern("precipitation-time", 7, "day daytime region strength precipitation", *_PRECIPITATION),
    _pattern("extent", 7, "day region extent precipitation", *_EXTENT),
    _pattern("extent-time", 6, "day daytime region extent precipitation", *_EXTENT),
    _pattern("sky-time", 7, "day daytime region sky", *_SKY),
    _pattern(
        "sky-extent",
        6,
        "day region sky extent",
        ("{time} ist es {region} {extent} {sky}", "weekday"),
        ("{region} ist es {time} {extent} {sky}", "relative"),
        ("es ist {time} {region} {extent} {sky}", ""),
    ),
    _pattern("degrees", 11, "day region TEMPERATUR number GRAD", *_DEGREES),
    _pattern("degrees-minus", 5, "day region TEMPERATUR MINUS number GRAD", *_DEGREES),
    _pattern(
        "degrees-time",
        11,
        "day daytime region number GRAD",
        ("{time} sind es {region} {number} grad", "cardinal"),
        ("{region} gibt es {time} {number} grad", "land city"),
        ("{time} werden {region} {number} grad erreicht", "landscape"),
    ),
    _pattern(
        "two-degrees",
        9,
        "day region number GRAD region2 number2 GRAD",
        ("{time} {number} grad {region} und {number2} grad {region2}", "weekday"),
        ("{time} {region} {number} grad und {region2} {number2} grad", "relative"),
        ("{region} {time} {number} grad {region2} dagegen {number2} grad", ""),
    ),
    _pattern("trend", 8, "day region TEMPERATUR trend number GRAD", *_TREND),
    _pattern("trend-minus", 3, "day region TEMPERATUR trend MINUS number GRAD", *_TREND),
    _pattern(
        "wind",
        6,
        "day region strength wind",
        ("{time} {blows} {region} {np_nom}", "cardinal city"),
        ("{region} gibt es {time} {np_acc}", "land"),
        ("{time} ist {region} mit {np_dat} zu rechnen", "landscape"),
    ),
    _pattern(
        "wind-direction",
        7,
        "day region wind direction strength",
        ("{time} {blows} {region} {np_nom} {direction}", "cardinal city"),
        ("{region} {blows} {time} {np_nom} {direction}", "land landscape"),
        ("{direction} {blows} {time} {region} {np_nom}", ""),
    ),
    _pattern(
        "system",
        6,
        "day system region BRINGEN precipitation",
        ("{time} bringt {system_nom} {region} {np_acc}", "HOCH TIEF"),
        ("{system_nom} sorgt {time} {region} für {np_acc}", "front"),
        ("mit {system_dat} {comes} {time} {region} {np_nom}", ""),
    ),
    _pattern(
        "air",
        5,
        "day system feel LUFT KOMMEN",
        ("{time} bringt {system_nom} {feel_f} luft", "HOCH TIEF"),
        ("mit {system_dat} kommt {time} {feel_f} luft zu uns", "front"),
        ("{feel_f} luft kommt {time} mit {system_dat}", ""),
    ),
    _pattern(
        "then",
        7,
        "day region sky DANN precipitation",
        ("{time} ist es {region} zunächst {sky} dann gibt es {np_acc}", "weekday"),
        ("{region} ist es {time} erst {sky} später gibt es {np_acc}", "relative"),
        ("{time} {region} anfangs {sky} danach {np_nom}", ""),
    ),
    _pattern(
        "contrast",
        8,
        "day region sky ABER region2 precipitation",
        ("{time} ist es {region} {sky} aber {region2} gibt es {np_acc}", "weekday"),
        ("{region} ist es {time} {sky} {region2} dagegen gibt es {np_acc}", "relative"),
        ("während es {time} {region} {sky} ist {comes} {region2} {np_nom}", ""),
    ),
    _pattern(
        "contrast-feel",
        5,
        "day region feel ABER region2 feel2",
        ("{time} ist es {region} {feel} aber {region2} {feel2}", "weekday"),
        ("{region} ist es {time} {feel} {region2} dagegen {feel2}", "relative"),
        ("während es {time} {region} {feel} ist bleibt es {region2} {feel2}", ""),
    ),
    _pattern(
        "warning",
        9,
        "day region WARNUNG hazard",
        ("achtung {time} {threatens} {region} {np_nom}", "weekday"),
        ("{region} wird {time} vor {np_dat} gewarnt", "relative"),
        ("{time} gibt es {region} eine warnung vor {np_dat}", ""),
    ),
    _pattern(
        "warning-wind",
        4,
        "day daytime region WARNUNG wind",
        ("achtung {time} {threatens} {region} {np_nom}", "weekday"),
        ("{region} wird {time} vor {np_dat} gewarnt", "relative"),
        ("{time} gibt es {region} eine warnung vor {np_dat}", ""),
    ),
    _pattern("change", 6, "day daytime region precipitation change", *_CHANGE),
    _pattern("change-wind", 4, "day daytime region wind change", *_CHANGE),
    _pattern("fog", 3, "day daytime region sky change", *_CHANGE),
    _pattern("fog-gone", 3, "day daytime region sky AUFLOESEN", *_CHANGE),
    _pattern("state", 6, "day region state feel", *_STATE),
    _pattern("state-time", 7, "day daytime region state feel", *_STATE),
    _pattern(
        "feel-sky",
        7,
        "day region feel sky",
        ("{time} ist es {region} {feel} und {sky}", "cardinal"),
        ("{region} erwartet uns {time} {feel_n} und {sky_n} wetter", "land city"),
        ("das wetter ist {time} {region} {feel} und {sky}", "landscape"),
    ),
    _pattern(
        "sky-wind",
        5,
        "day region sky DABEI strength wind",
        ("{time} ist es {region} {sky} bei {np_dat}", "cardinal city"),
        ("{region} ist es {time} {sky} dazu {blows} {np_nom}", "land landscape"),
        ("{time} {region} {sky} und dazu {np_nom}", ""),
    ),
    _pattern(
        "opening",
        4,
        "JETZT WETTER VORHERSAGE day region",
        ("und nun die wettervorhersage {region} {time}", "relative"),
        ("hier kommt die vorhersage {region} {time}", "weekday"),
        ("so wird das wetter {time} {region}", ""),
    ),
    _pattern(
        "weather",
        5,
        "day daytime region WETTER weather WERDEN",
        ("{time} wird das wetter {region} {weather}", "weekday"),
        ("{region} wird das wetter {time} {weather}", "relative"),
        ("das wetter wird {time} {region} {weather}", ""),
    ),
)

GLOSSES: tuple[str, ...] = tuple(
    sorted({g for values in SLOTS.values() for g in values} | {i for p in PATTERNS for i in p.items if i.isupper()})
)


def slot_of(gloss: str) -> str:
    """The slot that a gloss belongs to, "fixed" for glosses of patterns. InputError if it is unknown."""
    for slot, values in SLOTS.items():
        if gloss in values:
            return slot
    if gloss in GLOSSES:
        return "fixed"
    raise InputError(f"gloss {gloss!r} is not in the grammar; `slt.corpus.grammar.GLOSSES` lists all")


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
    """Sentences for "train", "dev" and "test"; no gloss sequence is in two of them.

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
    """A random gloss sequence. Within a slot the most frequent gloss is up to 1.7 times as frequent as the rarest."""
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
    # A mild Zipf law; the stride takes neighbours of the list apart, so that it is not by alphabet or size.
    rank = (np.arange(len(values)) * 5) % len(values)
    weight = 1.0 / (rank + 1.5 * len(values))
    return values[rng.choice(len(values), p=weight / weight.sum())]


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
