import dataclasses

import numpy as np
import pytest

from slt.synthetic.picture.look import (
    BACKGROUND_CONTRAST,
    NECKLINES,
    SLEEVE_CONTRAST,
    TEXTURES,
    background,
    dress,
    luma,
    mix,
    random_look,
)

WORN = {"clothes", "shirt", "neckline", "sleeve", "light", "ambient", "wall_top", "wall_bottom", "texture",
        "texture_strength", "texture_seed"}  # fmt: skip
LOOKS = [random_look(np.random.default_rng(seed)) for seed in range(200)]


def test_a_seed_gives_a_look():
    assert random_look(np.random.default_rng(3)) == random_look(np.random.default_rng(3))
    assert len({look.skin for look in LOOKS}) == len(LOOKS)


def test_dressing_changes_the_clothes_and_keeps_the_person():
    first = random_look(np.random.default_rng(3))
    second = dress(first, np.random.default_rng(4))
    changed = {f.name for f in dataclasses.fields(first) if getattr(first, f.name) != getattr(second, f.name)}
    assert {"clothes", "wall_top", "light"} <= changed <= WORN


def test_hands_stand_out_from_sleeves_and_wall():
    for look in LOOKS:
        assert abs(luma(look.clothes) - luma(look.skin)) >= SLEEVE_CONTRAST
        for wall in (look.wall_top, look.wall_bottom):
            assert abs(luma(wall) - luma(look.skin)) >= BACKGROUND_CONTRAST - 1e-9


def test_skin_covers_a_wide_range_and_all_kinds_occur():
    tones = [luma(look.skin) for look in LOOKS]
    assert min(tones) < 75 and max(tones) > 200
    assert all(look.skin[0] >= look.skin[1] >= look.skin[2] for look in LOOKS)  # no green or blue people
    assert {look.neckline for look in LOOKS} == set(NECKLINES)
    assert {look.texture for look in LOOKS} == set(TEXTURES)
    assert len({look.hair_style for look in LOOKS}) == 5


def test_colours_and_light_are_valid():
    for look in LOOKS:
        for name in ("skin", "palm", "lips", "nails", "hair", "iris", "clothes", "shirt", "wall_top"):
            colour = getattr(look, name)
            assert len(colour) == 3 and all(0 <= value <= 255 for value in colour), (name, colour)
        assert np.linalg.norm(look.light) == pytest.approx(1) and look.light[2] > 0


@pytest.mark.parametrize("texture", TEXTURES)
def test_backgrounds_are_a_gradient_with_a_texture(texture):
    look = dataclasses.replace(LOOKS[0], texture=texture, texture_strength=5.0, wall_top=(200, 100, 50))
    wall = background(look, 60, 80)
    assert wall.shape == (80, 60, 3) and wall.dtype == np.uint8
    assert np.abs(wall[0].mean(0) - [200, 100, 50]).max() < 12
    assert (wall[0].std() == np.std([200, 100, 50])) == (texture == "plain")
    np.testing.assert_array_equal(wall, background(look, 60, 80))


def test_mix():
    assert mix((0, 0, 0), (100, 200, 40), 0.25) == (25, 50, 10)
