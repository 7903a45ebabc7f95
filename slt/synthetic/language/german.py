"""The German words of the weather grammar: for each gloss the forms that its wordings need.

A word marked with `*` realises a slot: a right translation must contain it (see `grammar`).
All lower case, as PHOENIX14T's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

WEEKDAYS = ("MONTAG", "DIENSTAG", "MITTWOCH", "DONNERSTAG", "FREITAG", "SAMSTAG", "SONNTAG")
RELATIVE_DAYS = ("HEUTE", "MORGEN", "UEBERMORGEN")

# Gloss -> adverbial.
DAY: Mapping[str, str] = {
    **{day: f"am *{day.lower()}" for day in WEEKDAYS},
    "HEUTE": "*heute",
    "MORGEN": "*morgen",
    "UEBERMORGEN": "*übermorgen",
    "WOCHENENDE": "am *wochenende",
    "NAECHSTE-WOCHE": "in der nächsten *woche",
}
DAYTIME: Mapping[str, str] = {
    "FRUEH": "in der *frühe",
    "VORMITTAG": "am *vormittag",
    "MITTAG": "gegen *mittag",
    "NACHMITTAG": "am *nachmittag",
    "ABEND": "am *abend",
    "NACHT": "in der *nacht",
    "TAG": "*tagsüber",
}
# After "heute", "morgen", "übermorgen".
DAYTIME_SHORT: Mapping[str, str] = {**{k: f"*{k.lower()}" for k in DAYTIME}, "FRUEH": "*früh", "TAG": "*tagsüber"}

_CARDINAL = {"NORD": "norden", "SUED": "süden", "OST": "osten", "WEST": "westen", "NORDOST": "nordosten",
             "NORDWEST": "nordwesten", "SUEDOST": "südosten", "SUEDWEST": "südwesten"}  # fmt: skip
_LAND = {"BAYERN": "bayern", "SACHSEN": "sachsen", "HESSEN": "hessen", "THUERINGEN": "thüringen",
         "BRANDENBURG": "brandenburg", "DEUTSCHLAND": "deutschland"}  # fmt: skip
_CITY = {"BERLIN": "berlin", "HAMBURG": "hamburg", "KOELN": "köln", "MUENCHEN": "münchen"}
_LANDSCAPE = {"MITTE": "in der *mitte", "ALPEN": "an den *alpen", "KUESTE": "an der *küste",
              "NORDSEE": "an der *nordsee", "OSTSEE": "an der *ostsee", "BERGLAND": "im *bergland",
              "TAELER": "in den *tälern", "RHEIN": "am *rhein", "DONAU": "an der *donau",
              "SCHWARZWALD": "im *schwarzwald", "HARZ": "im *harz", "BODENSEE": "am *bodensee"}  # fmt: skip
REGION: Mapping[str, str] = {
    **{gloss: f"im *{word}" for gloss, word in _CARDINAL.items()},
    **{gloss: f"in *{word}" for gloss, word in {**_LAND, **_CITY}.items()},
    **_LANDSCAPE,
}
DIRECTION: Mapping[str, str] = {gloss: f"aus *{word}" for gloss, word in _CARDINAL.items()}

_NUMBERS = ("NULL", "EINS", "ZWEI", "DREI", "VIER", "FUENF", "SECHS", "SIEBEN", "ACHT", "NEUN", "ZEHN", "ELF",
            "ZWOELF", "DREIZEHN", "VIERZEHN", "FUENFZEHN", "SECHZEHN", "SIEBZEHN", "ACHTZEHN", "NEUNZEHN",
            "ZWANZIG", "DREISSIG")  # fmt: skip
NUMBER: Mapping[str, str] = {
    **{n: "*" + n.lower().replace("ue", "ü").replace("oe", "ö") for n in _NUMBERS},
    "NEUN": "*neun",
    "NEUNZEHN": "*neunzehn",
    "EINS": "*ein",
    "DREISSIG": "*dreißig",
}


@dataclass(frozen=True)
class Noun:
    """A noun: gender m, f, n or p (plural only here), nominative, dative, and what it does with a verb."""

    gender: str
    nominative: str
    dative: str = ""

    @property
    def dat(self) -> str:
        """The dative form; the nominative if the two are alike."""
        return self.dative or self.nominative


PRECIPITATION: Mapping[str, Noun] = {
    "REGEN": Noun("m", "regen"),
    "SCHAUER": Noun("p", "schauer", "schauern"),
    "GEWITTER": Noun("p", "gewitter", "gewittern"),
    "SCHNEE": Noun("m", "schnee"),
    "HAGEL": Noun("m", "hagel"),
    "NIESELREGEN": Noun("m", "nieselregen"),
    "SCHNEEREGEN": Noun("m", "schneeregen"),
    "GRAUPEL": Noun("m", "graupel"),
    "EISREGEN": Noun("m", "eisregen"),
}
WIND: Mapping[str, Noun] = {
    "WIND": Noun("m", "wind"),
    "STURM": Noun("m", "sturm"),
    "BOEEN": Noun("p", "böen"),
    "BRISE": Noun("f", "brise"),
    "ORKAN": Noun("m", "orkan"),
}
HAZARD: Mapping[str, Noun] = {
    "GLAETTE": Noun("f", "glätte"),
    "HOCHWASSER": Noun("n", "hochwasser"),
    "UNWETTER": Noun("p", "unwetter", "unwettern"),
    "WALDBRAND": Noun("p", "waldbrände", "waldbränden"),
    "HITZE": Noun("f", "hitze"),
}
SYSTEM: Mapping[str, Noun] = {
    "HOCH": Noun("n", "hoch"),
    "TIEF": Noun("n", "tief"),
    "KALTFRONT": Noun("f", "kaltfront"),
    "WARMFRONT": Noun("f", "warmfront"),
}
# Sky as a noun, where it has one.
SKY_NOUN: Mapping[str, Noun] = {
    "SONNE": Noun("f", "sonne"),
    "WOLKE": Noun("p", "wolken"),
    "NEBEL": Noun("m", "nebel"),
    "HOCHNEBEL": Noun("m", "hochnebel"),
    "DUNST": Noun("m", "dunst"),
    "STERNE": Noun("p", "sterne", "sternen"),
}
SKY: Mapping[str, str] = {
    "SONNE": "sonnig",
    "WOLKE": "wolkig",
    "NEBEL": "neblig",
    "HOCHNEBEL": "grau",
    "DUNST": "dunstig",
    "STERNE": "sternenklar",
    "HEITER": "heiter",
    "BEDECKT": "bedeckt",
    "KLAR": "klar",
    "TRUEB": "trüb",
    "FREUNDLICH": "freundlich",
    "WECHSELHAFT": "wechselhaft",
}
FEEL: Mapping[str, str] = {
    "KALT": "kalt",
    "KUEHL": "kühl",
    "MILD": "mild",
    "WARM": "warm",
    "HEISS": "heiß",
    "FRISCH": "frisch",
    "SCHWUEL": "schwül",
    "TROCKEN": "trocken",
    "NASS": "nass",
    "FROSTIG": "frostig",
}
STRENGTH: Mapping[str, str] = {
    "STARK": "stark",
    "SCHWACH": "schwach",
    "LEICHT": "leicht",
    "MAESSIG": "mäßig",
    "KRAEFTIG": "kräftig",
}
EXTENT: Mapping[str, str] = {
    "UEBERALL": "*verbreitet",
    "EINZELN": "*vereinzelt",
    "MANCHMAL": "*zeitweise",
    "OERTLICH": "*örtlich",
    "KURZ": "*kurzzeitig",
    "LANGE": "*lange",
    "OFT": "*häufig",
}
# Change of a phenomenon: verb in the singular and plural, particle.
CHANGE: Mapping[str, tuple[str, str, str]] = {
    "NACHLASSEN": ("lässt", "lassen", "nach"),
    "ZUNEHMEN": ("nimmt", "nehmen", "zu"),
    "ABZIEHEN": ("zieht", "ziehen", "ab"),
    "AUFHOEREN": ("hört", "hören", "auf"),
    "ANFANGEN": ("setzt", "setzen", "ein"),
    "AUFLOESEN": ("löst sich", "lösen sich", "auf"),
}
TREND: Mapping[str, tuple[str, str]] = {"STEIGEN": ("steigen", "bergauf"), "SINKEN": ("sinken", "bergab")}
STATE: Mapping[str, str] = {"BLEIBEN": "bleibt", "WERDEN": "wird"}
WEATHER: Mapping[str, tuple[str, str]] = {"BESSER": ("besser", "bessert"), "SCHLECHT": ("schlechter", "verschlechtert")}

_ENDINGS = {"m": ("er", "en", "em"), "f": ("e", "e", "er"), "n": ("es", "es", "em"), "p": ("e", "e", "en")}
_CASES = ("nominative", "accusative", "dative")


def inflect(adjective: str, gender: str, case: str) -> str:
    """An adjective with its strong ending. gender: m, f, n or p (plural). case: nominative, accusative or dative."""
    return adjective + _ENDINGS[gender][_CASES.index(case)]


def noun_phrase(noun: Noun, case: str, adjective: str = "") -> str:
    """A noun without article, after an inflected adjective if one is given; both marked with `*`."""
    word = "*" + (noun.dat if case == "dative" else noun.nominative)
    return f"*{inflect(adjective, noun.gender, case)} {word}" if adjective else word


def with_article(noun: Noun, case: str, definite: bool) -> str:
    """A noun with its definite or indefinite article ("der", "ein", ...); a plural has no indefinite one."""
    row = _CASES.index(case)
    if definite:
        article = {"m": ("der", "den", "dem"), "f": ("die", "die", "der"), "n": ("das", "das", "dem"),
                   "p": ("die", "die", "den")}[noun.gender][row]  # fmt: skip
    else:
        article = {"m": ("ein", "einen", "einem"), "f": ("eine", "eine", "einer"), "n": ("ein", "ein", "einem"),
                   "p": ("", "", "")}[noun.gender][row]  # fmt: skip
    return f"{article} {noun_phrase(noun, case)}".strip()


@cache
def tags_of(gloss: str) -> tuple[str, ...]:
    """The gloss itself, and the classes of glosses it is in, on which the choice of a wording depends."""
    groups: Mapping[str, object] = {
        "weekday": WEEKDAYS,
        "relative": RELATIVE_DAYS,
        "cardinal": _CARDINAL,
        "land": _LAND,
        "city": _CITY,
        "landscape": _LANDSCAPE,
        "precipitation": PRECIPITATION,
        "frozen": ("SCHNEE", "HAGEL", "SCHNEEREGEN", "GRAUPEL", "EISREGEN"),
        "strong": ("STARK", "KRAEFTIG"),
        "gale": ("STURM", "ORKAN", "BOEEN"),
        "seen": SKY_NOUN,
        "low": _NUMBERS[:6],
        "high": _NUMBERS[13:],
        "front": ("KALTFRONT", "WARMFRONT"),
        "cold": ("KALT", "KUEHL", "FROSTIG", "FRISCH"),
        "damp": ("NASS", "SCHWUEL"),
        "dark": ("ABEND", "NACHT"),
    }
    return (gloss, *(name for name, members in groups.items() if gloss in members))  # type: ignore[operator]
