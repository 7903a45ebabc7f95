"""Arms and hands as shaded convex shapes, for all instants at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slt.synthetic.picture.camera import Camera
from slt.synthetic.picture.look import Look
from slt.synthetic.picture.shapes import Shapes, hull_of_discs, join, layered

PALM = 0.095  # metres from hand root to the first joint of the middle finger, for which the radii hold
_TOWARDS = np.array([0.0, 0.0, 1.0])
# joints of a hand: 0 root, 1-4 thumb, 5-8 index, 9-12 middle, 13-16 ring, 17-20 little
_NEAR = np.array([4 * f + k for f in range(5) for k in (1, 2, 3)])  # near joint of the 15 finger segments
_FAR = _NEAR + 1
_KNUCKLES = np.array([5, 9, 13, 17])
_FIRST_SEGMENTS = np.array([3, 6, 9, 12])  # of the fingers, among the 15
_TIPS = np.array([2, 5, 8, 11, 14])  # last segments, with the nails
_RADII = np.array(  # metres, at the four joints of thumb, index, ..., little
    [
        [0.0150, 0.0122, 0.0108, 0.0084],
        [0.0102, 0.0090, 0.0082, 0.0066],
        [0.0104, 0.0092, 0.0084, 0.0068],
        [0.0098, 0.0087, 0.0079, 0.0064],
        [0.0086, 0.0076, 0.0069, 0.0056],
    ]
)
_OUTLINE = 0.0016  # metres
_OUTLINE_PIXELS = 0.3


@dataclass(frozen=True)
class Scene:
    """What all parts need: the look, the camera and how to shade."""

    look: Look
    camera: Camera

    def flat(self, centres: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Spheres (..., 3) and (...) in metres to discs in pixels."""
        return self.camera.flatten(centres), radii * self.camera.magnification(centres)

    def light(self, normals: np.ndarray) -> np.ndarray:
        """Brightness (...), ambient to 1, of surfaces with unit normals (..., 3)."""
        lit = np.clip(normals @ np.array(self.look.light), 0, 1)
        brightness: np.ndarray = self.look.ambient + (1 - self.look.ambient) * lit
        return brightness

    def spheres(self, centres: np.ndarray, radii: np.ndarray, colours: np.ndarray, depth: np.ndarray) -> Shapes:
        """Hulls of spheres with no shading: (S, P, M, 3), (S, P, M) metres, (S, P, 3), (S, P)."""
        polygons = hull_of_discs(*self.flat(centres, radii))
        return Shapes(polygons, colours, np.ones(depth.shape, bool), depth)

    def solid(
        self,
        centres: np.ndarray,
        radii: np.ndarray,
        colours: np.ndarray,
        depth: np.ndarray,
        outline: np.ndarray | None = None,
        core: bool = True,
    ) -> Shapes:
        """Hulls of spheres with a dark rim, a shaded body and a lit core.

        centres: (S, P, M, 3); radii: (S, P, M) metres; colours: (S, P, 3) of the body; depth: (S, P);
        outline: (S, P, M, 3) centres of the rim if they differ from the body's; core: whether to paint it.
        """
        discs, sizes = self.flat(centres, radii)
        rims, rim_sizes = (discs, sizes) if outline is None else self.flat(outline, radii)
        wider = rim_sizes + _OUTLINE * self.camera.magnification(centres) + _OUTLINE_PIXELS
        shift = np.array(self.look.light[:2]) * 0.3  # the core lies towards the light
        cores = discs + shift * sizes[..., None]
        polygons = [hull_of_discs(rims, wider), hull_of_discs(discs, sizes), hull_of_discs(cores, sizes * 0.58)]
        tones = [colours * 0.50, colours * 0.93, colours * 1.06]
        layers = len(polygons) if core else 2
        return layered(polygons[:layers], tones[:layers], depth)


def arms_and_hands(viewed: np.ndarray, palms: tuple[float, float], scene: Scene) -> tuple[Shapes, Shapes]:
    """All shapes of the left arm and hand, and of the right ones.

    viewed: (S, 50, 3) camera axes, metres; palms: palm length of the left and the right hand, metres.
    """
    assert viewed.ndim == 3 and viewed.shape[1:] == (50, 3), viewed.shape
    left = Hand(viewed[:, 8:29], palms[0] / PALM, left=True)
    right = Hand(viewed[:, 29:50], palms[1] / PALM, left=False)
    return (
        join([*_arm(viewed[:, 5], viewed[:, 6], viewed[:, 7], left, scene), *_hand(left, scene)]),
        join([*_arm(viewed[:, 2], viewed[:, 3], viewed[:, 4], right, scene), *_hand(right, scene)]),
    )


class Hand:
    """Directions of one hand at all instants: joints (S, 21, 3), size relative to the standard hand."""

    def __init__(self, joints: np.ndarray, size: float, left: bool) -> None:
        self.joints = joints
        self.size = size
        self.across = _unit(joints[:, 5] - joints[:, 17])  # (S, 3) from the little finger to the index
        self.along = _unit(joints[:, 9] - joints[:, 0])  # (S, 3) from the root to the fingers
        normal = np.cross(joints[:, 5] - joints[:, 0], joints[:, 17] - joints[:, 0])
        self.palm_normal = _unit(normal if left else -normal)  # (S, 3) out of the palm
        # the two lines above hold with y down and z towards the camera, where a x b follows the left hand
        self.axes = joints[:, _FAR] - joints[:, _NEAR]  # (S, 15, 3)
        units = _unit(self.axes)
        sign = np.sign((np.cross(self.along, self.across) * -self.palm_normal).sum(-1))[:, None, None]
        dorsal = sign * np.cross(units, self.across[:, None])
        thumb = self.across - 0.5 * self.palm_normal
        dorsal[:, :3] = thumb[:, None]
        self.dorsal = _unit(dorsal - (dorsal * units).sum(-1, keepdims=True) * units)  # (S, 15, 3)
        self.units = units
        # (S, 5, 3) centres of the balls of the fingers: the last joint lies at the very end of a finger
        self.tips = joints[:, _FAR[_TIPS]] - units[:, _TIPS] * 0.0035 * size
        self.back_share = _smooth(-self.palm_normal[:, 2], -0.25, 0.25)  # (S,) 1 if the back is seen


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return unit


def _smooth(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def _blend(first: object, second: object, share: np.ndarray) -> np.ndarray:
    """Colours (..., 3): `first` with a share (...) of `second`."""
    mixed: np.ndarray = np.asarray(first, float) * (1 - share[..., None]) + np.asarray(second, float) * share[..., None]
    return mixed


def _facing(axes: np.ndarray) -> np.ndarray:
    """For cylinders along unit axes (..., 3), the normal of the line of surface nearest to the camera."""
    across = _TOWARDS - axes[..., 2:] * axes
    length = np.linalg.norm(across, axis=-1, keepdims=True)
    return np.where(length > 0.2, across / np.maximum(length, 1e-9), _TOWARDS)


def _arm(shoulder: np.ndarray, elbow: np.ndarray, wrist: np.ndarray, hand: Hand, scene: Scene) -> list[Shapes]:
    """Sleeve and wrist; joints (S, 3)."""
    reach = np.linalg.norm(elbow - shoulder, axis=-1).mean() / 0.28  # arms that are longer are thicker
    middle = (elbow + wrist) / 2
    cuff = elbow + scene.look.sleeve * (wrist - elbow)
    nodes = np.stack([shoulder, elbow, middle, cuff], 1)  # (S, 4, 3)
    centres = np.stack([nodes[:, :-1], nodes[:, 1:]], 2)  # (S, 3, 2, 3)
    radii = np.broadcast_to(np.array([[0.050, 0.045], [0.044, 0.041], [0.041, 0.036]]) * reach, centres.shape[:3])
    axes = _unit(nodes[:, 1:] - nodes[:, :-1])
    colours = np.array(scene.look.clothes) * scene.light(_facing(axes))[..., None]  # (S, 3, 3)
    depth = centres[..., 2].mean(2)
    depth[:, 0] -= 1.0  # upper arms lie behind everything that the hands do
    rims = centres.copy()
    rims[:, :, 0] += axes * 0.05  # no rim across the sleeve where two parts meet
    rims[:, 1, 1] -= axes[:, 1] * 0.05
    sleeve = scene.solid(centres, radii, colours, depth, rims)
    root = hand.joints[:, 0]
    start = cuff - axes[:, 2] * 0.03
    skin = np.stack([start, root], 1)[:, None]  # (S, 1, 2, 3)
    tone = np.array(scene.look.skin) * scene.light(_facing(_unit(root - start)))[:, None]
    wrist_radii = np.broadcast_to(np.array([0.028, 0.0255]) * hand.size, skin.shape[:3])
    end = skin.copy()
    end[:, 0, 1] -= _unit(root - start) * 0.03
    behind = np.minimum(root[:, 2], depth[:, 2])[:, None] - 0.02
    return [scene.solid(skin, wrist_radii, tone[:, None], behind, end), sleeve]


def _hand(hand: Hand, scene: Scene) -> list[Shapes]:
    return [_palm(hand, scene), _web(hand, scene), _fingers(hand, scene), _nails(hand, scene), *_lines(hand, scene)]


def _tone(scene: Scene, back: np.ndarray) -> np.ndarray:
    """Skin colour (..., 3) for a share of the back of the hand in view (...)."""
    return _blend(scene.look.palm, scene.look.skin, back)


def _palm_tone(hand: Hand, scene: Scene) -> np.ndarray:
    """Shaded skin colour (S, 3) of the side of the palm that is seen."""
    front = np.where(hand.palm_normal[:, 2:] > 0, 1, -1) * hand.palm_normal
    colour: np.ndarray = _tone(scene, hand.back_share) * scene.light(front)[:, None]
    return colour


def _palm_depth(hand: Hand) -> np.ndarray:
    """(S,) metres."""
    depth: np.ndarray = hand.joints[:, [0, 5, 9, 13, 17], 2].mean(1) + 0.002
    return depth


def _palm(hand: Hand, scene: Scene) -> Shapes:
    joints, size = hand.joints, hand.size
    # skin between straight fingers reaches beyond the knuckles; bent fingers leave them bare
    straight = np.clip((hand.units[:, _FIRST_SEGMENTS] * hand.along[:, None]).sum(-1), 0, 1)[..., None]
    ahead = joints[:, _KNUCKLES] + 0.3 * straight * (joints[:, _KNUCKLES + 1] - joints[:, _KNUCKLES])  # (S, 4, 3)
    root, across = joints[:, 0], hand.across * size
    heel = root + 0.35 * (joints[:, 17] - root) - across * 0.006
    base = np.stack([root - across * 0.014, root + across * 0.014, joints[:, 1], heel], 1)
    centres = np.concatenate([base, joints[:, _KNUCKLES], ahead], 1)[:, None]  # (S, 1, 12, 3)
    radii = np.array([0.0125, 0.0125, 0.0130, 0.0125] + [0.0112, 0.0116, 0.0108, 0.0100] + [0.0085] * 4) * size
    depth = _palm_depth(hand)
    return scene.solid(
        centres, np.broadcast_to(radii, centres.shape[:3]), _palm_tone(hand, scene)[:, None], depth[:, None]
    )


def _web(hand: Hand, scene: Scene) -> Shapes:
    """The fold of skin between thumb and index finger."""
    joints = hand.joints
    fold = 0.55 * joints[:, 2] + 0.25 * joints[:, 5] + 0.20 * joints[:, 1]
    low = 0.5 * joints[:, 1] + 0.5 * joints[:, 5]
    centres = np.stack([joints[:, 1], fold, low], 1)[:, None]  # (S, 1, 3, 3)
    radii = np.broadcast_to(np.array([0.0115, 0.0065, 0.008]) * hand.size, centres.shape[:3])
    behind = np.minimum(centres[..., 2].mean(2), _palm_depth(hand)[:, None] - 0.001)  # never laid on the palm
    return scene.solid(centres, radii, _palm_tone(hand, scene)[:, None], behind, core=False)


def _fingers(hand: Hand, scene: Scene) -> Shapes:
    joints = hand.joints
    near, far = joints[:, _NEAR], joints[:, _FAR].copy()  # (S, 15, 3)
    far[:, _TIPS] = hand.tips
    radii = np.stack([_RADII[:, :3], _RADII[:, 1:]], -1).reshape(15, 2) * hand.size
    centres = np.stack([near, far], 2)  # (S, 15, 2, 3)
    rims = centres.copy()
    inward = np.minimum(radii[:, 0], 0.5 * np.linalg.norm(hand.axes, axis=-1))  # (S, 15)
    rims[:, :, 0] += hand.units * inward[..., None]
    back = _smooth(hand.dorsal[..., 2], -0.3, 0.3)
    colours = _tone(scene, back) * scene.light(_facing(hand.units))[..., None]
    colours[:, 0] = 1.04 * _palm_tone(hand, scene)
    shapes = scene.solid(centres, np.broadcast_to(radii, centres.shape[:3]), colours, centres[..., 2].mean(2), rims)
    shapes.shown[:, 2] = False  # its lit core: the thumb's first bone lies in the palm: no edge of its own
    return shapes


def _nails(hand: Hand, scene: Scene) -> Shapes:
    dorsal, axis = hand.dorsal[:, _TIPS], hand.units[:, _TIPS]  # (S, 5, 3)
    radii = _RADII[:, 3] * hand.size
    end = hand.tips + dorsal * radii[:, None] * 0.75
    start = end - axis * radii[:, None] * 0.9
    centres = np.stack([start, end], 2)
    colours = np.array(scene.look.nails) * scene.light(dorsal)[..., None]
    middle = (hand.joints[:, _NEAR[_TIPS], 2] + hand.tips[..., 2]) / 2  # the depth of the segment below
    sizes = np.broadcast_to((radii * 0.5)[:, None], centres.shape[:3])
    shapes = scene.spheres(centres, sizes, colours, middle + 1e-4)
    shapes.shown[:] = dorsal[..., 2] > 0.35
    return shapes


def _lines(hand: Hand, scene: Scene) -> list[Shapes]:
    """Creases in the palm, or knuckles on the back."""
    joints, size = hand.joints, hand.size
    depth = _palm_depth(hand) + 1e-4
    palm = joints[:, [0, 1, 5, 17]]  # (S, 4, 3)
    weights = np.array(  # ends of creases in root, base of the thumb, index and little knuckle
        [
            [[0.30, 0.40, 0.20, 0.10], [0.15, 0.10, 0.70, 0.05]],
            [[0.35, 0.00, 0.10, 0.55], [0.15, 0.05, 0.72, 0.08]],
            [[0.12, 0.00, 0.05, 0.83], [0.05, 0.00, 0.70, 0.25]],
        ]
    )
    ends = np.einsum("pek,skd->sped", weights, palm)  # (S, 3, 2, 3)
    tone = np.array(scene.look.palm) * 0.78 * scene.look.ambient**0.3
    sizes = np.broadcast_to(np.array([0.0012, 0.0007]) * size, ends.shape[:3])
    creases = scene.spheres(ends, sizes, np.broadcast_to(tone, (*ends.shape[:2], 3)), depth[:, None] + np.zeros(3))
    creases.shown[:] = (hand.palm_normal[:, 2] > 0.35)[:, None]
    knuckles = joints[:, _KNUCKLES]
    spots = np.stack([knuckles, knuckles - hand.along[:, None] * 0.012 * size], 2)  # (S, 4, 2, 3)
    dark = np.array(scene.look.skin) * 0.80
    sizes = np.broadcast_to(np.array([0.0045, 0.002]) * size, spots.shape[:3])
    bumps = scene.spheres(spots, sizes, np.broadcast_to(dark, (*spots.shape[:2], 3)), depth[:, None] + np.zeros(4))
    bumps.shown[:] = (hand.palm_normal[:, 2] < -0.35)[:, None]
    return [creases, bumps]
