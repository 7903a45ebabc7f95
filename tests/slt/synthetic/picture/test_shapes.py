import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from slt.synthetic.picture.shapes import (
    CORNERS,
    DIRECTIONS,
    Shapes,
    fixed_point,
    hull_of_discs,
    join,
    layered,
    paint_list,
)

DISCS = arrays(float, (4, 3), elements=st.floats(0.5, 50))


@given(DISCS)
def test_a_hull_of_discs_is_what_opencv_finds(discs):
    centres, radii = discs[:, :2], discs[:, 2]
    hull = hull_of_discs(centres, radii)
    assert hull.shape == (CORNERS, 2)
    cloud = (centres[:, None] + radii[:, None, None] * DIRECTIONS).reshape(-1, 2).astype(np.float32)
    area = cv2.contourArea(cv2.convexHull(cloud))
    ours = cv2.contourArea(hull.astype(np.float32))
    # it has N corners only: what it misses beyond an edge lies in the triangle of the edge and the support lines of its
    # two ends, which turn by 2 pi / N; of all such triangles the isosceles one is largest
    edges = np.linalg.norm(hull - np.roll(hull, 1, axis=0), axis=1)
    lost = (edges**2).sum() * np.tan(np.pi / CORNERS) / 4
    assert area - lost - 1e-2 <= ours <= area * (1 + 1e-4) + 1e-2
    # in each of the N directions it reaches exactly as far as the discs do
    np.testing.assert_allclose((hull * DIRECTIONS).sum(1), (centres @ DIRECTIONS.T + radii[:, None]).max(0), atol=1e-4)


def test_one_disc_is_a_circle():
    hull = hull_of_discs(np.array([[3.0, 4.0]]), np.array([2.0]))
    np.testing.assert_allclose(np.linalg.norm(hull - [3, 4], axis=1), 2, rtol=1e-5)


def test_pixel_coordinates_count_from_the_edge():
    # a square over the continuous range 2..6 fills exactly the pixels 2, 3, 4, 5
    corners = np.array([[2.0, 2], [6, 2], [6, 6], [2, 6]])
    image = np.zeros((64, 64), np.uint8)
    cv2.fillConvexPoly(image, fixed_point(corners, 8), 255, cv2.LINE_8, 4)
    small = cv2.resize(image, (8, 8), interpolation=cv2.INTER_AREA)
    filled = np.flatnonzero(small[4] > 127)
    assert filled.tolist() == [2, 3, 4, 5]
    centre = (np.argwhere(image).mean(0) + 0.5) / 8
    np.testing.assert_allclose(centre, 4, atol=0.07)


def squares(depth: list[float], colours: list[tuple[float, float, float]]) -> Shapes:
    discs = np.full((1, len(depth), 1, 2), 8.0)
    polygons = hull_of_discs(discs, np.full(discs.shape[:-1], 5.0))
    return Shapes(polygons, np.array([colours], float), np.ones((1, len(depth)), bool), np.array([depth]))


def test_layers_of_one_shape_stay_together():
    polygons = np.zeros((1, 2, CORNERS, 2))
    colours = np.zeros((1, 2, 3))
    shapes = layered([polygons, polygons + 1], [colours, colours + 9], np.array([[0.3, 0.1]]))
    assert shapes.depth.tolist() == [[0.3, 0.3, 0.1, 0.1]]
    assert [c[0] for c in paint_list(shapes, 1).colours[0]] == [0, 9, 0, 9]


def test_the_nearer_shape_is_painted_over_the_farther():
    red, blue = (255.0, 0.0, 0.0), (0.0, 0.0, 255.0)
    for depth, front in (([0.1, 0.2], blue), ([0.2, 0.1], red)):
        image = np.zeros((16, 16, 3), np.uint8)
        paint_list(squares(depth, [red, blue]), 1).paint(image, 0)
        assert image[8, 8].tolist() == list(front) and image[0, 0].tolist() == [0, 0, 0]


def test_hidden_layers_are_not_painted_and_joining_keeps_all():
    first, second = squares([0.1], [(9, 9, 9)]), squares([0.2], [(7, 7, 7)])
    second.shown[:] = False
    both = join([first, second])
    assert both.polygons.shape[1] == 2
    strokes = paint_list(both, 1)
    assert len(strokes.polygons[0]) == 1
    assert (strokes.low[0] <= 3).all() and (strokes.high[0] >= 13).all()


def test_an_offset_shifts_the_picture():
    strokes = paint_list(squares([0.1], [(9, 9, 9)]), 1)
    whole, part = np.zeros((20, 20, 3), np.uint8), np.zeros((14, 15, 3), np.uint8)
    strokes.paint(whole, 0)
    strokes.paint(part, 0, (5, 6))
    np.testing.assert_array_equal(whole[6:, 5:], part)
