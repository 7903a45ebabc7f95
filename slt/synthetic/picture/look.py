"""The look of a signer: skin, hair, face, clothes, light and background."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

Colour = tuple[float, float, float]  # RGB, 0-255
HairStyle = Literal["short", "bob", "long", "bun", "bald"]
Neckline = Literal["round", "v", "jacket", "collar"]
Texture = Literal["plain", "clouds", "stripes", "panels"]

# Monk Skin Tone scale, ten tones from light to dark (Monk 2022, skintone.google, CC BY 4.0).
SKIN_TONES = np.array(
    [
        [246, 237, 228],
        [243, 231, 219],
        [247, 234, 208],
        [234, 218, 186],
        [215, 189, 150],
        [160, 126, 86],
        [130, 92, 67],
        [96, 65, 52],
        [58, 49, 42],
        [41, 36, 32],
    ],
    float,
)
# The scale's swatches are of skin in even light; the three ends of it are hardly met as a picture of a
# lit hand (burnt out, or black), so tones are drawn from this part of the scale.
TONE_RANGE = (1.5, 7.6)
HAIR = np.array(
    [[25, 20, 18], [50, 34, 26], [84, 58, 40], [122, 84, 52], [176, 138, 86], [140, 66, 34], [150, 148, 146]], float
)
IRIS = np.array([[70, 45, 28], [96, 70, 40], [84, 110, 80], [88, 118, 150]], float)
NECKLINES: tuple[Neckline, ...] = ("round", "v", "jacket", "collar")
TEXTURES: tuple[Texture, ...] = ("plain", "clouds", "stripes", "panels")
SLEEVE_CONTRAST = 45.0  # least difference in luma between skin and sleeve, of 255
BACKGROUND_CONTRAST = 22.0  # least difference in luma between skin and the wall behind


@dataclass(frozen=True)
class Look:
    """Colours are RGB, 0-255.

    The person: skin, palm, lips, nails, hair, iris, hair_style, beard (0 none - 1 full), glasses,
    face_width (1 = average). The clothes: clothes, shirt (what shows in the neckline), neckline,
    sleeve (share of the forearm that it covers). The studio: light (direction to the light, unit
    vector in camera axes), ambient (share of light without direction), wall_top and wall_bottom,
    texture and texture_strength (grey levels) and texture_seed.
    """

    skin: Colour
    palm: Colour
    lips: Colour
    nails: Colour
    hair: Colour
    iris: Colour
    hair_style: HairStyle
    beard: float
    glasses: bool
    face_width: float
    clothes: Colour
    shirt: Colour
    neckline: Neckline
    sleeve: float
    light: tuple[float, float, float]
    ambient: float
    wall_top: Colour
    wall_bottom: Colour
    texture: Texture
    texture_strength: float
    texture_seed: int


def luma(colour: Colour | np.ndarray) -> float:
    """Brightness of an RGB colour, 0 to 255 (ITU-R Recommendation BT.601, 2011)."""
    return float(np.dot(colour, [0.299, 0.587, 0.114]))


def mix(first: Colour | np.ndarray, second: Colour | np.ndarray, share: float) -> Colour:
    """`first` with a share in [0, 1] of `second`, RGB 0 to 255."""
    red, green, blue = np.asarray(first, float) * (1 - share) + np.asarray(second, float) * share
    return float(red), float(green), float(blue)


def random_look(rng: np.random.Generator) -> Look:
    """A random person, dressed, in a studio; the same for the same state of `rng`."""
    tone = rng.uniform(*TONE_RANGE)
    low = int(tone)
    skin = mix(SKIN_TONES[low], SKIN_TONES[low + 1], tone - low)
    skin = mix(skin, np.clip(np.array(skin) * [1.06, 0.88, 0.76], 0, 255), rng.uniform(0.4, 1.0))  # ruddier
    dark = 1 - luma(skin) / 255
    male = rng.random() < 0.5
    hair = _jitter(HAIR[rng.integers(len(HAIR) if dark < 0.45 else 3)], 10, rng)
    styles: tuple[HairStyle, ...] = ("short", "short", "bald", "bun") if male else ("bob", "long", "bun", "short")
    person = Look(
        skin=skin,
        palm=mix(skin, (228, 178, 150), 0.18 + 0.3 * dark),
        lips=mix(mix(skin, (170, 62, 62), 0.45), (0, 0, 0), 0.08),
        nails=mix(skin, (250, 215, 205), 0.35 + 0.2 * dark),
        hair=hair,
        iris=tuple(IRIS[rng.integers(len(IRIS) if dark < 0.4 else 1)].tolist()),
        hair_style=styles[rng.integers(len(styles))],
        beard=float(rng.uniform(0.4, 1.0)) if male and rng.random() < 0.3 else 0.0,
        glasses=bool(rng.random() < 0.2),
        face_width=float(rng.uniform(0.94, 1.08)),
        clothes=(0, 0, 0),
        shirt=(0, 0, 0),
        neckline="round",
        sleeve=0.95,
        light=(0, 0, 1),
        ambient=0.6,
        wall_top=(0, 0, 0),
        wall_bottom=(0, 0, 0),
        texture="plain",
        texture_strength=0,
        texture_seed=0,
    )
    return dress(person, rng)


def dress(look: Look, rng: np.random.Generator) -> Look:
    """The same person in other clothes, in front of another wall, in other light; all drawn from `rng`."""
    clothes = _far_from(look.skin, SLEEVE_CONTRAST, rng, 0.75)
    wall = _far_from(look.skin, BACKGROUND_CONTRAST, rng, 0.35)
    light = np.array([rng.uniform(-0.6, 0.6), rng.uniform(-0.8, -0.3), 1.0])
    light /= np.linalg.norm(light)
    return dataclasses.replace(
        look,
        clothes=clothes,
        shirt=mix(_jitter(np.array([205.0, 205, 210]), 45, rng), clothes, rng.uniform(0, 0.5)),
        neckline=NECKLINES[rng.integers(len(NECKLINES))],
        sleeve=float(rng.uniform(0.82, 1.0)),
        light=(float(light[0]), float(light[1]), float(light[2])),
        ambient=float(rng.uniform(0.5, 0.72)),
        wall_top=wall,
        wall_bottom=_background_end(wall, look.skin, rng),
        texture=TEXTURES[rng.integers(len(TEXTURES))],
        texture_strength=float(rng.uniform(2, 10)),
        texture_seed=int(rng.integers(1 << 31)),
    )


def _jitter(colour: np.ndarray, spread: float, rng: np.random.Generator) -> Colour:
    red, green, blue = np.clip(colour + rng.uniform(-spread, spread, 3), 0, 255)
    return float(red), float(green), float(blue)


def _far_from(skin: Colour, contrast: float, rng: np.random.Generator, saturation: float) -> Colour:
    """A random colour whose luma is at least `contrast` away from the skin's."""
    while True:
        grey = rng.uniform(18, 235)
        colour = np.clip(grey + saturation * rng.uniform(-70, 70, 3), 8, 245)
        if abs(luma(colour) - luma(skin)) >= contrast:
            return float(colour[0]), float(colour[1]), float(colour[2])


def _background_end(wall: Colour, skin: Colour, rng: np.random.Generator) -> Colour:
    """The lower end of the wall's gradient, on the same side of the skin's brightness as the upper."""
    shade = np.array(wall) * rng.uniform(0.7, 1.3)
    if (luma(shade) - luma(skin)) * (luma(wall) - luma(skin)) < 0 or (
        abs(luma(shade) - luma(skin)) < BACKGROUND_CONTRAST
    ):
        shade = np.array(wall)
    return _jitter(shade, 0, rng)


def background(look: Look, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8 RGB in pixels: the wall behind the signer."""
    down = np.linspace(0, 1, height)[:, None, None]
    wall = np.array(look.wall_top) * (1 - down) + np.array(look.wall_bottom) * down  # (H, 1, 3)
    coarse = 1 if look.texture == "panels" else 4  # the others have no edges: a quarter of the pixels is enough
    texture = _texture(
        look.texture, -(-width // coarse), -(-height // coarse), np.random.default_rng(look.texture_seed)
    )
    texture = cv2.resize(texture, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(np.rint(wall + look.texture_strength * texture[..., None]), 0, 255).astype(np.uint8)


def _texture(kind: Texture, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """(height, width) of about unit size."""
    if kind == "plain":
        return np.zeros((height, width))
    across = np.linspace(0, 1, width)[None]
    down = np.linspace(0, 1, height)[:, None]
    if kind == "stripes":
        turn = rng.uniform(0, np.pi)
        wave = np.cos(turn) * across + np.sin(turn) * down
        stripes: np.ndarray = np.sin(2 * np.pi * rng.uniform(3, 12) * wave + rng.uniform(0, 6))
        return stripes
    if kind == "panels":
        edges = np.sort(rng.uniform(0, 1, 4))
        return rng.uniform(-1.5, 1.5, 5)[np.searchsorted(edges, np.broadcast_to(across, (height, width)))]
    waves = rng.normal(size=(8, 3)) * [5, 5, 3]  # (frequency across, down, phase)
    phases = waves[:, 0, None, None] * across + waves[:, 1, None, None] * down + waves[:, 2, None, None]
    clouds: np.ndarray = np.cos(phases).sum(0) / 2
    return clouds
