"""The kinds of sentences of the weather grammar: gloss patterns and their German wordings."""

from __future__ import annotations

from dataclasses import dataclass


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
        11,
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
