"""Head, neck and torso: flat outlines in the axes of head and torso, painted in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from slt.synthetic.picture.camera import Camera
from slt.synthetic.picture.look import Colour, Look, mix
from slt.synthetic.picture.shapes import SHIFT, fixed_point

SHOULDERS = 0.37  # metres between the shoulder joints of the standard torso
NOSE_OVER_NECK = 0.215  # metres between nose and neck of the standard person
_PIVOT = 0.06  # metres above the neck about which the head turns

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Outline:
    """One stroke: points (N, 3) in metres, which of them move with the head, colour, and a line width.

    Head axes start at the tip of the nose, torso axes at the neck; x to the signer's left (right in a
    frontal picture), y down, z forward. width: metres, 0 to fill.
    """

    points: np.ndarray
    on_head: np.ndarray
    colour: Colour
    width: float = 0.0


def _curve(points: Points, z: float, closed: bool = True, steps: int = 5) -> np.ndarray:
    """A smooth (Catmull-Rom) curve through 2D points, at depth z: (N, 3)."""
    knots = np.asarray(points, float)
    before = np.roll(knots, 1, 0) if closed else np.concatenate([knots[:1], knots[:-1]])
    after = np.roll(knots, -1, 0) if closed else np.concatenate([knots[1:], knots[-1:]])
    later = np.roll(knots, -2, 0) if closed else np.concatenate([knots[2:], knots[-1:], knots[-1:]])
    t = (np.arange(steps) / steps)[:, None, None]  # (S, 1, 1)
    value = (
        knots
        + 0.5 * t * (after - before)
        + t**2 * (before - 2.5 * knots + 2 * after - 0.5 * later)
        + t**3 * (-0.5 * before + 1.5 * knots - 1.5 * after + 0.5 * later)
    )  # (S, N, 2)
    line = value.transpose(1, 0, 2).reshape(-1, 2)
    if not closed:
        line = np.concatenate([line[: (len(knots) - 1) * steps], knots[-1:]])
    return np.concatenate([line, np.full((len(line), 1), z)], 1)


def _both(half: Points) -> list[tuple[float, float]]:
    """A closed symmetric outline from its half at x >= 0, top to bottom."""
    return [*half, *((-x, y) for x, y in reversed(half) if x > 0)]


def _oval(x: float, y: float, width: float, height: float, z: float) -> np.ndarray:
    """An ellipse with half axes `width` and `height`: (16, 3)."""
    angle = np.arange(16) * np.pi / 8
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle), np.full(16, z)], -1)


def _head(points: np.ndarray, colour: Colour, width: float = 0.0) -> Outline:
    return Outline(points, np.ones(len(points), bool), colour, width)


def _torso(points: np.ndarray, colour: Colour, width: float = 0.0) -> Outline:
    return Outline(points, np.zeros(len(points), bool), colour, width)


def _shade(colour: Colour, factor: float) -> Colour:
    return mix(colour, (0, 0, 0), 1 - factor) if factor <= 1 else mix(colour, (255, 255, 255), factor - 1)


def outlines(look: Look) -> list[Outline]:
    """All strokes of a person, back to front; points (N, 3) in metres, see `Outline`."""
    return [*_hair_behind(look), *_neck(look), *_clothes(look), *_face(look), *_features(look), *_hair(look)]


def _hair_behind(look: Look) -> list[Outline]:
    if look.hair_style not in ("bob", "long"):
        return []
    low = 0.20 if look.hair_style == "long" else 0.085
    half = [(0, -0.165), (0.05, -0.158), (0.086, -0.11), (0.097, -0.04), (0.10, low - 0.05), (0.085, low), (0, low)]
    return [_head(_curve(_both(half), -0.12), _shade(look.hair, 0.72))]


def _neck(look: Look) -> list[Outline]:
    top = np.array([[-0.052, 0.02, -0.10], [0.052, 0.02, -0.10]])
    bottom = np.array([[0.060, 0.03, 0.0], [-0.060, 0.03, 0.0]])
    base = Outline(np.concatenate([top, bottom]), np.array([True, True, False, False]), _shade(look.skin, 0.84))
    shadow = _curve([(-0.056, 0.05), (0.056, 0.05), (0.045, 0.092), (0, 0.105), (-0.045, 0.092)], -0.09)
    return [base, _head(shadow, _shade(look.skin, 0.66))]


def _clothes(look: Look) -> list[Outline]:
    cloth, dark = look.clothes, _shade(look.clothes, 0.72)
    half = [
        (0.0, -0.045), (0.056, -0.060), (0.085, -0.051), (0.13, -0.045), (0.178, -0.040), (0.215, -0.018),
        (0.230, 0.03), (0.228, 0.09), (0.205, 0.18), (0.185, 0.28), (0.180, 0.38), (0.192, 0.50), (0.205, 0.9),
    ]  # fmt: skip
    parts = [_torso(_curve(_both(half), -0.02), cloth)]
    side = -1.0 if look.light[0] > 0 else 1.0  # the side away from the light
    flank = [(0.228, 0.03), (0.20, 0.18), (0.185, 0.28), (0.18, 0.38), (0.205, 0.9), (0.14, 0.9), (0.125, 0.35),
             (0.15, 0.18), (0.19, 0.06)]  # fmt: skip
    parts.append(_torso(_curve([(side * x, y) for x, y in flank], -0.01), _shade(cloth, 0.85)))
    fold = [(0.16, 0.14), (0.12, 0.19), (0.07, 0.21)]
    parts += [_torso(_curve([(s * x, y) for x, y in fold], 0, False), _shade(cloth, 0.85), 0.004) for s in (-1, 1)]
    depth = {"round": 0.045, "v": 0.13, "jacket": 0.26, "collar": 0.05}[look.neckline]
    opening = {
        "round": [(0, -0.055), (0.058, -0.060), (0.055, 0.0), (0.035, 0.035), (0, depth)],
        "v": [(0, -0.055), (0.056, -0.060), (0.052, 0.0), (0.022, 0.085), (0, depth)],
        "jacket": [(0, -0.055), (0.056, -0.060), (0.062, 0.03), (0.045, 0.14), (0, depth)],
        "collar": [(0, -0.055), (0.056, -0.060), (0.05, -0.01), (0.025, 0.025), (0, depth)],
    }[look.neckline]
    inside = look.shirt if look.neckline == "jacket" else _shade(look.skin, 0.95)
    parts.append(_torso(_curve(_both(opening), 0.01), inside))
    if look.neckline == "jacket":
        throat = [(0, -0.055), (0.054, -0.060), (0.045, 0.02), (0.02, 0.06), (0, 0.085)]
        parts.append(_torso(_curve(_both(throat), 0.012), _shade(look.skin, 0.95)))
        lapel = [(0.060, -0.060), (0.10, 0.03), (0.085, 0.075), (0.10, 0.085), (0.01, 0.27), (0.05, 0.13)]
        for s in (-1, 1):
            line = np.array([(s * x, y, 0.02) for x, y in [*lapel, lapel[0]]])
            parts += [_torso(line, _shade(cloth, 1.06)), _torso(line, dark, 0.0035)]
        parts.append(_torso(np.array([(0, 0.27, 0.02), (0.004, 0.9, 0.02)]), dark, 0.004))
    if look.neckline == "collar":
        flap = [(0.056, -0.064), (0.078, 0.015), (0.040, 0.055), (0.0, 0.045), (0.04, 0.0)]
        for s in (-1, 1):
            line = np.array([(s * x, y, 0.02) for x, y in [*flap, flap[0]]])
            parts += [_torso(line, _shade(cloth, 1.12)), _torso(line, dark, 0.003)]
        parts.append(_torso(np.array([(0, 0.05, 0.02), (0, 0.9, 0.02)]), dark, 0.003))
    rim = [*opening[1:], *((-x, y) for x, y in reversed(opening[1:-1]))]
    edge = _curve(rim, 0.012, False)
    return [*parts, _torso(edge, dark, 0.0045)]


def _face(look: Look) -> list[Outline]:
    skin, w = look.skin, look.face_width
    half = [(0, -0.146), (0.040, -0.139), (0.066, -0.105), (0.076 * w, -0.055), (0.075 * w, -0.015),
            (0.068 * w, 0.024), (0.053 * w, 0.054), (0.030, 0.074), (0, 0.080)]  # fmt: skip
    parts = []
    if look.hair_style in ("short", "bun", "bald"):
        for s in (-1, 1):
            parts.append(_head(_oval(s * 0.078 * w, -0.018, 0.012, 0.030, -0.10), _shade(skin, 0.80)))
            parts.append(_head(_oval(s * 0.079 * w, -0.020, 0.006, 0.018, -0.10), _shade(skin, 0.62)))
    oval = _curve(_both(half), -0.075)
    parts += [_head(oval, _shade(skin, 0.93)), _head(np.concatenate([oval, oval[:1]]), _shade(skin, 0.60), 0.0022)]
    lit = 0.010 * float(np.sign(look.light[0]))
    bright = [(x * 0.78 + lit, y * 0.86 - 0.004) for x, y in _both(half)]
    parts.append(_head(_curve(bright, -0.055), skin))
    parts.append(_head(_oval(lit, -0.085, 0.040, 0.022, -0.04), _shade(skin, 1.05)))
    if look.beard > 0:
        beard = [(0, 0.012), (0.026, 0.014), (0.034, 0.030), (0.060 * w, 0.000), (0.072 * w, -0.020),
                 (0.068 * w, 0.026), (0.053 * w, 0.057), (0.030, 0.080), (0, 0.087)]  # fmt: skip
        parts.append(_head(_curve(_both(beard), -0.04), mix(skin, look.hair, 0.35 + 0.45 * look.beard)))
    for s in (-1, 1):
        parts.append(_head(_oval(s * 0.045 * w + lit / 2, 0.006, 0.016, 0.012, -0.035), mix(skin, (205, 90, 80), 0.06)))
    return parts


def _features(look: Look) -> list[Outline]:
    skin, parts = look.skin, []
    for s in (-1, 1):
        parts.append(_head(_oval(s * 0.031, -0.040, 0.020, 0.013, -0.03), _shade(skin, 0.80)))  # socket
        lids = [(s * 0.016, -0.036), (s * 0.024, -0.0445), (s * 0.034, -0.0455), (s * 0.046, -0.0385),
                (s * 0.035, -0.0335), (s * 0.024, -0.0330)]  # fmt: skip
        parts.append(_head(_curve(lids, -0.026, steps=3), (236, 232, 228)))
        parts.append(_head(_oval(s * 0.031, -0.0395, 0.0060, 0.0060, -0.025), look.iris))
        parts.append(_head(_oval(s * 0.031, -0.0395, 0.0030, 0.0030, -0.0245), (12, 10, 10)))
        parts.append(_head(_curve(lids[:4], -0.024, False), _shade(look.hair, 0.45), 0.0026))
        parts.append(_head(_curve([lids[0], lids[5], lids[4], lids[3]], -0.024, False), _shade(skin, 0.62), 0.0014))
        brow = [(s * 0.013, -0.054), (s * 0.024, -0.060), (s * 0.038, -0.061), (s * 0.050, -0.053)]
        ink = mix(_shade(look.hair, 0.7), skin, 0.1)
        parts.append(_head(_curve(brow, -0.022, False), ink, 0.0050))
    away = -1.0 if look.light[0] > 0 else 1.0
    shadow = [(away * 0.007, -0.040), (away * 0.011, -0.015), (away * 0.017, 0.004), (away * 0.010, 0.010),
              (away * 0.004, -0.005)]  # fmt: skip
    parts.append(_head(_curve(shadow, -0.012), _shade(skin, 0.80)))
    parts.append(_head(_curve([(-0.017, 0.004), (-0.008, 0.013), (0, 0.0145), (0.008, 0.013), (0.017, 0.004)], -0.012,
                              False), _shade(skin, 0.58), 0.0026))  # fmt: skip
    parts += [_head(_oval(s * 0.008, 0.0095, 0.0042, 0.0026, -0.01), _shade(skin, 0.40)) for s in (-1, 1)]
    parts.append(_head(_oval(0, -0.002, 0.008, 0.008, -0.002), _shade(skin, 1.08)))
    parts.append(_head(_curve([(-0.003, -0.045), (0.003, -0.045), (0.004, -0.008), (-0.004, -0.008)], -0.004),
                       _shade(skin, 1.06)))  # fmt: skip
    lips = look.lips
    upper = [(-0.026, 0.034), (-0.008, 0.027), (0, 0.0285), (0.008, 0.027), (0.026, 0.034), (0, 0.0355)]
    lower = [(-0.026, 0.034), (0, 0.0350), (0.026, 0.034), (0.014, 0.0430), (0, 0.0455), (-0.014, 0.0430)]
    parts += [_head(_curve(upper, -0.014, steps=3), _shade(lips, 0.9)), _head(_curve(lower, -0.014, steps=3), lips)]
    mouth = _curve([(-0.027, 0.0335), (-0.010, 0.0345), (0, 0.0355), (0.010, 0.0345), (0.027, 0.0335)], -0.013, False)
    parts.append(_head(mouth, _shade(lips, 0.45), 0.0022))
    parts.append(_head(_oval(0, 0.0535, 0.016, 0.0035, -0.018), _shade(skin, 0.86)))
    return parts


def _hair(look: Look) -> list[Outline]:
    parts, hair, w = [], look.hair, look.face_width
    caps = {
        "short": [(0, -0.165), (0.050, -0.156), (0.079, -0.115), (0.084 * w, -0.060), (0.080 * w, -0.030),
                  (0.072 * w, -0.034), (0.064, -0.080), (0.048, -0.106), (0, -0.112)],
        "bun": [(0, -0.158), (0.046, -0.150), (0.074, -0.112), (0.080 * w, -0.060), (0.075 * w, -0.045),
                (0.066, -0.085), (0.044, -0.116), (0, -0.124)],
        "bob": [(0, -0.166), (0.052, -0.158), (0.086, -0.11), (0.097, -0.04), (0.098, 0.05), (0.082, 0.078),
                (0.068, 0.040), (0.066, -0.02), (0.060, -0.080), (0.040, -0.104), (0, -0.098)],
        "long": [(0, -0.166), (0.052, -0.158), (0.086, -0.11), (0.097, -0.04), (0.104, 0.08), (0.090, 0.16),
                 (0.068, 0.10), (0.067, -0.02), (0.058, -0.080), (0.034, -0.112), (0, -0.130)],
    }  # fmt: skip
    if look.hair_style != "bald":
        parts.append(_head(_curve(_both(caps[look.hair_style]), -0.05, steps=3), hair))
        gleam = _curve([(-0.045, -0.135), (-0.01, -0.146), (0.03, -0.142)], -0.045, False)
        parts.append(_head(gleam, _shade(hair, 1.12), 0.006))
    if look.hair_style == "bun":
        parts.insert(0, _head(_oval(0, -0.175, 0.034, 0.026, -0.12), _shade(hair, 0.85)))
    if look.glasses:
        frame: Colour = (30, 28, 30)
        for s in (-1, 1):
            ring = _oval(s * 0.031, -0.037, 0.023, 0.017, -0.012)
            parts.append(_head(np.concatenate([ring, ring[:1]]), frame, 0.0026))
            parts.append(_head(np.array([(s * 0.054, -0.040, -0.015), (s * 0.076 * w, -0.040, -0.08)]), frame, 0.0026))
        parts.append(_head(np.array([(-0.008, -0.040, -0.012), (0.008, -0.040, -0.012)]), frame, 0.0026))
    return parts


@dataclass(frozen=True)
class Portrait:
    """Strokes with their place in each frame: points (F, K, 2) int32 fixed point."""

    points: np.ndarray
    strokes: list[tuple[slice, Colour, int]]  # points, colour, line width in drawn pixels, 0 to fill

    def paint(self, image: np.ndarray, frame: int) -> None:
        """Paint one frame's strokes on an RGB picture (H, W, 3) uint8, in place."""
        points = self.points[frame]
        for part, colour, width in self.strokes:
            if width:
                cv2.polylines(image, [points[part]], False, colour, width, cv2.LINE_8, SHIFT)
            else:
                cv2.fillPoly(image, [points[part]], colour, cv2.LINE_8, SHIFT)

    def moved(self, first: int, second: int) -> float:
        """How far the farthest point moves between two frames, in drawn pixels."""
        return float(np.abs(self.points[first] - self.points[second]).max()) / (1 << SHIFT)


def portrait(viewed: np.ndarray, look: Look, camera: Camera, oversample: int) -> Portrait:
    """Place a person's strokes in every frame. viewed: (F, 50, 3) camera axes, metres."""
    assert viewed.ndim == 3 and viewed.shape[1:] == (50, 3), viewed.shape
    parts = outlines(look)
    local = np.concatenate([part.points for part in parts])  # (K, 3)
    on_head = np.concatenate([part.on_head for part in parts])  # (K,)
    torso, size, wide = _torso_axes(viewed)  # (F, 3, 3), rows are axes
    head = _head_axes(viewed, torso)
    body_points = local[~on_head] * [wide, size, size]
    placed = np.empty((len(viewed), len(local), 3))
    placed[:, on_head] = viewed[:, None, 0] + np.einsum("kd,fdc->fkc", local[on_head] * size, head)
    placed[:, ~on_head] = viewed[:, None, 1] + np.einsum("kd,fdc->fkc", body_points, torso)
    per_metre = float(camera.magnification(viewed[:, 0]).mean()) * oversample * size
    strokes, start = [], 0
    for part in parts:
        width = max(1, round(part.width * per_metre)) if part.width else 0
        strokes.append((slice(start, start + len(part.points)), part.colour, width))
        start += len(part.points)
    return Portrait(fixed_point(camera.flatten(placed), oversample), strokes)


def _torso_axes(viewed: np.ndarray) -> tuple[np.ndarray, float, float]:
    """(F, 3, 3) axes of the torso (rows: to the left shoulder, down, forward), size and width of the person."""
    span = viewed[:, 5] - viewed[:, 2]
    side = span / np.maximum(np.linalg.norm(span, axis=-1, keepdims=True), 1e-9)
    rise = viewed[:, 1].mean(0) - viewed[:, 0].mean(0)
    down = np.array([0.0, 1.0, 0.0]) - side[:, 1:2] * side
    down /= np.linalg.norm(down, axis=-1, keepdims=True)
    forward = np.cross(side, down)
    wide = float(np.linalg.norm(span, axis=-1).mean()) / SHOULDERS
    tall = float(np.linalg.norm(rise)) / NOSE_OVER_NECK
    return np.stack([side, down, forward], 1), float(np.clip(0.5 * wide + 0.5 * tall, 0.7, 1.4)), wide


def _head_axes(viewed: np.ndarray, torso: np.ndarray) -> np.ndarray:
    """(F, 3, 3) axes of the head: the torso's, turned as the nose has turned from its usual place."""
    lever = viewed[:, 0] - viewed[:, 1] + _PIVOT * torso[:, 1]  # (F, 3)
    lever /= np.maximum(np.linalg.norm(lever, axis=-1, keepdims=True), 1e-9)
    usual = np.einsum("fad,fd->fa", torso, lever).mean(0)
    usual = np.einsum("a,fad->fd", usual / np.linalg.norm(usual), torso)
    axis = np.cross(usual, lever)  # (F, 3): sine times axis of the smallest rotation
    cosine = (usual * lever).sum(-1)[:, None, None]
    crossed = np.cross(axis[:, None], torso)
    along = np.einsum("fd,fad->fa", axis, torso)[..., None] * axis[:, None]
    turned: np.ndarray = torso * cosine + crossed + along / (1 + np.maximum(cosine, -0.9))
    return turned
