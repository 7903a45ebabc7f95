"""The lexicon: one sign per gloss, from inventories of hand shapes, places, movements and palm directions.

All is stated for a right-handed signer of standard size; `motion` mirrors and scales it. The signs are ours
and stand for no real DGS sign, though numbers and compass points are built as DGS builds them. Inventories and
principles: docs/lexicon.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from itertools import combinations
from types import MappingProxyType
from typing import Literal

from slt.synthetic.signing.handshapes import HANDSHAPES

Hands = Literal["one", "symmetric", "alternating", "base"]
Vector = tuple[float, float, float]

# Where the palm's centre is: metres from the neck, x to the right of the picture (the signer's right hand has
# negative x), y down, z towards the camera.
LOCATIONS: Mapping[str, Vector] = MappingProxyType(
    {
        "top": (-0.21, -0.27, 0.18),  # above and beside the head
        "cheek": (-0.20, -0.12, 0.19),  # beside the face
        "shoulder": (-0.21, 0.03, 0.22),
        "chest": (-0.06, 0.06, 0.20),
        "contra_high": (0.10, 0.03, 0.21),  # before the other shoulder
        "neutral": (-0.18, 0.15, 0.23),
        "centre": (-0.05, 0.18, 0.23),
        "contra": (0.11, 0.16, 0.22),
        "belly": (-0.14, 0.27, 0.22),
        "high": (-0.36, -0.15, 0.18),  # out to the side, at the height of the face
        "side": (-0.37, 0.02, 0.20),
        "low": (-0.35, 0.19, 0.20),
    }
)
# Direction of the fingers and of the palm.
ORIENTATIONS: Mapping[str, tuple[Vector, Vector]] = MappingProxyType(
    {
        "camera": ((0.08, -1.0, 0.05), (0.22, 0.0, 0.97)),  # fingers up, palm to the camera
        "half": ((0.12, -0.97, 0.15), (0.64, 0.0, 0.77)),  # fingers up, palm half inwards
        "self": ((0.25, -0.95, 0.15), (0.15, 0.1, -0.98)),  # fingers up, palm to the signer
        "side": ((0.95, -0.3, 0.1), (0.05, 0.1, -0.99)),  # fingers inwards, palm to the signer
        "down": ((0.8, 0.45, 0.4), (-0.1, 0.65, -0.75)),  # fingers inwards, palm down
        "up": ((0.75, 0.1, 0.5), (0.0, -0.65, 0.75)),  # fingers inwards, palm up
    }
)
# What the hand does; the formulas are in `motion`.
MOVEMENTS: Mapping[str, str] = MappingProxyType(
    {
        "hold": "stays",
        "up": "straight up",
        "down": "straight down",
        "in": "straight towards the other side",
        "out": "straight away from the other side",
        "arc": "outwards in an upper half circle",
        "dip": "outwards in a lower half circle",
        "circle": "one circle in the picture plane",
        "zigzag": "down in a zigzag",
        "shake": "from side to side",
        "tap": "two short strokes down",
        "twist": "turns about the forearm",
        "nod": "bends at the wrist",
        "wiggle": "fingers flutter",
    }
)
HANDS: tuple[Hands, ...] = ("one", "symmetric", "alternating", "base")
PARAMETERS = ("shape", "location", "movement", "orientation", "hands")


@dataclass(frozen=True)
class Sign:
    """One sign: PARAMETERS plus the shape of a resting base hand.

    shape: hand shape at the start and at the end. hands: "one"; "symmetric" (the other hand mirrors it);
    "alternating" (it mirrors it backwards in time); "base" (it is held still in `base`'s shape).
    Raises ValueError if a value is in no inventory.
    """

    shape: tuple[str, str]
    location: str
    movement: str
    orientation: str
    hands: Hands = "one"
    base: str = ""

    def __post_init__(self) -> None:
        known = (
            set(self.shape) <= set(HANDSHAPES)
            and self.location in LOCATIONS
            and self.movement in MOVEMENTS
            and self.orientation in ORIENTATIONS
            and self.hands in HANDS
            and (self.base in HANDSHAPES) == (self.hands == "base")
        )
        if not known:
            raise ValueError(f"not a sign: {astuple(self)}")

    def differences(self, other: Sign) -> tuple[str, ...]:
        """The parameters (of `PARAMETERS`) in which two signs differ; "hands" stands for the base hand's shape, too."""
        same = (
            self.shape == other.shape,
            self.location == other.location,
            self.movement == other.movement,
            self.orientation == other.orientation,
            (self.hands, self.base) == (other.hands, other.base),
        )
        return tuple(p for p, equal in zip(PARAMETERS, same, strict=True) if not equal)


# gloss, shape (start>end where it changes), location, movement, orientation, hands, base shape
_TABLE = """
MONTAG index cheek out camera
DIENSTAG V cheek out camera
MITTWOCH W cheek out camera
DONNERSTAG Y cheek out camera
FREITAG five cheek out camera
SAMSTAG fist cheek out camera
SONNTAG O cheek out camera
HEUTE flat neutral down half symmetric
MORGEN thumb cheek arc half
UEBERMORGEN L cheek arc half
WOCHENENDE W shoulder out camera symmetric
NAECHSTE-WOCHE flat side arc half
FRUEH O>five shoulder up half
VORMITTAG index top in camera
MITTAG index top tap camera
NACHMITTAG index top out camera
ABEND bent shoulder down self symmetric
NACHT bent neutral in self symmetric
TAG index shoulder arc half

NORD flat neutral up camera
SUED flat neutral down camera
OST flat neutral in camera
WEST flat neutral out camera
NORDOST L neutral up camera
NORDWEST W neutral up camera
SUEDOST L neutral down camera
SUEDWEST W neutral down camera
MITTE F centre circle half
DEUTSCHLAND index top twist camera
BAYERN Y high shake camera
SACHSEN horns high shake camera
HESSEN V high shake camera
THUERINGEN three high shake camera
BRANDENBURG flat high shake camera
BERLIN L contra_high tap camera
HAMBURG W contra_high tap camera
KOELN I contra_high tap camera
MUENCHEN fist contra_high tap camera
KUESTE flat low zigzag half
NORDSEE five low zigzag half
OSTSEE V low zigzag half
ALPEN flat top zigzag half symmetric
BERGLAND five shoulder zigzag half symmetric
HARZ claw shoulder zigzag half symmetric
SCHWARZWALD W shoulder zigzag half symmetric
TAELER flat low dip half symmetric
RHEIN four side zigzag self
DONAU I side zigzag self
BODENSEE flat low circle self

NULL O side hold camera
EINS thumb side hold camera
ZWEI L side hold camera
DREI three side hold camera
VIER four side hold camera
FUENF five side hold camera
SECHS thumb side hold camera base five
SIEBEN L side hold camera base five
ACHT three side hold camera base five
NEUN four side hold camera base five
ZEHN five side hold camera base five
ELF thumb side twist camera
ZWOELF L side twist camera
DREIZEHN three side twist camera
VIERZEHN four side twist camera
FUENFZEHN five side twist camera
SECHZEHN thumb side twist camera base five
SIEBZEHN L side twist camera base five
ACHTZEHN three side twist camera base five
NEUNZEHN four side twist camera base five
ZWANZIG L side in camera
DREISSIG three side in camera

REGEN claw shoulder down camera symmetric
NIESELREGEN pinch shoulder down camera symmetric
HAGEL fist shoulder down camera symmetric
EISREGEN V shoulder down camera symmetric
GRAUPEL O shoulder down camera symmetric
SCHNEEREGEN five shoulder down camera symmetric
SCHNEE five shoulder wiggle camera symmetric
SCHAUER claw shoulder tap camera symmetric
GEWITTER index shoulder zigzag camera alternating
WIND flat cheek shake half symmetric
STURM claw cheek shake half symmetric
ORKAN C cheek shake half symmetric
BRISE F cheek shake half symmetric
BOEEN four cheek shake half symmetric
GLAETTE flat belly out down
HOCHWASSER five belly up half symmetric
WALDBRAND five belly wiggle half symmetric
UNWETTER claw top circle half symmetric
HITZE claw chest up half
HOCH bent high up half
TIEF bent high down half
KALTFRONT V contra out half
WARMFRONT W contra out half

SONNE O>five top hold half
KLAR O>five top out half
STERNE O>five top tap half
HEITER L top arc half
BEDECKT flat top in half symmetric
WOLKE claw top out half symmetric
NEBEL five cheek circle half symmetric
HOCHNEBEL five top circle half symmetric
DUNST four cheek circle half symmetric
TRUEB five>fist cheek hold self
FREUNDLICH F cheek circle half
WECHSELHAFT Y neutral twist half
KALT fist shoulder shake self symmetric
KUEHL flat shoulder shake self symmetric
FRISCH five shoulder shake self symmetric
FROSTIG claw shoulder shake self symmetric
MILD flat chest up self
WARM five chest up self
HEISS claw chest up self
SCHWUEL four chest wiggle self
TROCKEN five>O neutral hold half
NASS five neutral wiggle half
STARK fist side down self
KRAEFTIG claw side down self
SCHWACH I side down self
LEICHT F side down self
MAESSIG flat side down self
UEBERALL five low circle half
EINZELN index low circle half
MANCHMAL V low circle half
OERTLICH C low circle half
KURZ pinch low circle half
OFT three low circle half
LANGE L low out half

ZUNEHMEN bent neutral up half symmetric
NACHLASSEN bent neutral down half symmetric
ABZIEHEN index contra out half
AUFHOEREN five>fist neutral out half symmetric
ANFANGEN fist>five neutral up half symmetric
AUFLOESEN five>O shoulder out half symmetric
STEIGEN index low up camera
SINKEN index low down camera
BLEIBEN Y neutral down half
WERDEN Y neutral arc half
BESSER thumb shoulder up half
SCHLECHT thumb shoulder down half
ABER index centre out half
BRINGEN flat neutral in up alternating
DABEI bent centre tap half
DANN L centre arc half
GRAD pinch shoulder hold half
JETZT flat neutral tap up symmetric
KOMMEN index centre in side
LUFT U cheek wiggle self
MINUS index contra_high out side
TEMPERATUR index neutral up self base flat
VORHERSAGE V cheek arc self
WARNUNG index shoulder nod camera
WETTER five shoulder twist half symmetric
"""


def _read_table() -> Mapping[str, Sign]:
    signs: dict[str, Sign] = {}
    for line in filter(None, _TABLE.splitlines()):
        gloss, shape, location, movement, orientation, *rest = line.split()
        if gloss in signs:
            raise ValueError(f"{gloss} is in the lexicon twice")
        start, _, end = shape.partition(">")
        hands: Hands = next((h for h in HANDS if rest and h == rest[0]), "one")
        base = rest[1] if len(rest) > 1 else ""
        signs[gloss] = Sign((start, end or start), location, movement, orientation, hands, base)
    return MappingProxyType(signs)


LEXICON: Mapping[str, Sign] = _read_table()


def minimal_pairs(parameter: str | None = None) -> tuple[tuple[str, str, str], ...]:
    """(gloss, gloss, parameter) of all pairs of signs that differ in exactly one parameter.

    parameter: one of PARAMETERS, to have only those pairs; None: all.
    """
    pairs = []
    for (one, sign), (other, second) in combinations(LEXICON.items(), 2):
        differences = sign.differences(second)
        if len(differences) == 1 and parameter in (None, differences[0]):
            pairs.append((one, other, differences[0]))
    return tuple(pairs)


if __name__ == "__main__":  # the table of docs/lexicon.md
    for name, entry in LEXICON.items():
        print(name, ">".join(dict.fromkeys(entry.shape)), *astuple(entry)[1:])
