"""Small models with the inputs and outputs of RTMW and YOLOX, which see what `draw` draws, by its colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.slt.estimators.rtm.onnx_file import Graph

POINTS = 133
SIZE = (192, 256)  # width, height of the pose model's input, as of RTMW 256x192
GREY = 114  # YOLOX fills up with it
BLUE = (0, 0, 255)  # RGB, of the two corners of a person's box
_RADIUS, _SHARP, _BEST = 100.0, 400.0, 1.2
_MEAN, _STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])


def colours() -> np.ndarray:
    """(133, 3) RGB: far from each other, at one distance from grey.

    None is on the way to the blue of the corners, or to the black that a crop has beyond the picture.
    """
    count = POINTS + 12
    k = np.arange(count) + 0.5
    angle, z = np.pi * (1 + 5**0.5) * k, 1 - 2 * k / count
    ring = np.sqrt(1 - z**2)
    ways = np.stack([ring * np.cos(angle), ring * np.sin(angle), z], 1)
    others = np.array([BLUE, (0, 0, 0)]) - float(GREY)
    near = (ways @ (others / np.linalg.norm(others, axis=1, keepdims=True)).T).max(1)
    return np.rint(GREY + _RADIUS * ways[np.sort(np.argsort(near)[:POINTS])])


def background(size: tuple[int, int]) -> np.ndarray:
    return np.full((size[1], size[0], 3), GREY, np.uint8)


def draw(picture: np.ndarray, points: dict[int, tuple[int, int]], box: tuple[int, int, int, int] | None = None) -> None:
    """Put points (number of 133 -> x, y) into a picture (H, W, 3) RGB, and blue corners of a box x0, y0, x1, y1."""
    for number, (x, y) in points.items():
        own = colours()[number]
        picture[y - 1 : y + 2, x - 1 : x + 2] = np.rint(GREY + 0.8 * (own - GREY))
        picture[y, x] = own
    if box is not None:
        for x, y in (box[:2], box[2:]):
            picture[y - 1 : y + 1, x - 1 : x + 1] = BLUE


def pose_model(path: Path, size: tuple[int, int] = SIZE, points: int = POINTS, split: int = 2) -> Path:
    """Each of its points is where its colour is; the score falls from 1.2 with the distance from that colour."""
    width, height = size
    graph = Graph()
    chosen = colours()[:points]
    squares = graph.constant((_STD**2).reshape(1, 3, 1, 1))
    # |x - c|^2 of x = std * input + mean, as a 1x1 convolution and a sum
    shifted = chosen - _MEAN
    weight = graph.constant((2 * shifted * _STD / _SHARP).reshape(points, 3, 1, 1))
    bias = graph.constant(_BEST - (shifted**2).sum(1) / _SHARP)
    own = graph("Conv", "input", weight, bias)
    length = graph("ReduceSum", graph("Mul", graph("Mul", "input", "input"), squares), graph.constant([1]), keepdims=1)
    seen = graph("Sub", own, graph("Div", length, graph.constant(_SHARP)))
    for name, axis in (("simcc_x", 2), ("simcc_y", 3)):
        best = graph("ReduceMax", seen, axes=[axis], keepdims=0)  # (1, points, width or height)
        # each value stands at twice its place, lower values between
        column = graph("Unsqueeze", best, graph.constant([3]))
        wide = graph("Concat", column, *[graph("Sub", column, graph.constant(0.5))] * (split - 1), axis=3)
        graph.alias[name] = graph("Reshape", wide, graph.constant([1, points, -1]))
    outputs = {"simcc_x": ("batch", points, split * width), "simcc_y": ("batch", points, split * height)}
    return graph.write(path, outputs, size, "batch")


def detector(path: Path, size: tuple[int, int] = (128, 128), labels: bool = True, raw: int = 0) -> Path:
    """Up to two people: in the left and in the right half of the picture, between corners that are blue (BGR).

    labels: the second is no person, and overlaps nobody. raw: how many classes; as YOLOX without its
    suppression of boxes.
    """
    width, height = size
    graph = Graph()
    red, blue = (
        graph("Slice", "input", graph.constant([k]), graph.constant([k + 1]), graph.constant([1])) for k in (2, 0)
    )
    mask = graph("Cast", graph("Greater", graph("Sub", blue, red), graph.constant(150.0)), to=1)  # (1, 1, H, W)
    boxes = []
    for first, stop in ((0, width // 2), (width // 2, width)):
        half = graph("Slice", mask, graph.constant([first]), graph.constant([stop]), graph.constant([3]))
        edges = []
        for axis, ramp, length in ((2, np.arange(first, stop), width), (3, np.arange(height), height)):
            there = graph("ReduceMax", half, axes=[1, axis], keepdims=0)  # (1, n)
            far = graph("Mul", there, graph.constant(length - ramp.astype(float)))
            low = graph("Sub", graph.constant(float(length)), graph("ReduceMax", far, axes=[1], keepdims=1))
            near = graph("Mul", there, graph.constant(ramp + 1.0))
            edges.append((low, graph("ReduceMax", near, axes=[1], keepdims=1)))
        score = graph("ReduceMax", half, axes=[1, 2], keepdims=0)
        sure = graph("ReduceMax", score, axes=[1], keepdims=1)
        (x0, x1), (y0, y1) = edges
        boxes.append(graph("Concat", x0, y0, x1, y1, sure, axis=1))  # (1, 5)
    both = graph("Unsqueeze", graph("Concat", *boxes, axis=0), graph.constant([0]))  # (1, 2, 5)
    if raw:
        return _raw(graph, both, path, size, raw)
    graph.alias["dets"] = both
    outputs: dict[str, tuple[int | str, ...]] = {"dets": (1, "people", 5)}
    if labels:
        graph.alias["labels"] = graph.constant([[0, 3]])
        outputs["labels"] = (1, "people")
    return graph.write(path, outputs, size)


def _raw(graph: Graph, both: str, path: Path, size: tuple[int, int], count: int) -> Path:
    """Centre and size in cells of 8 pixels, score, and classes, all of which are sure; all other cells are empty."""
    width, height = size
    cells = sum((width // stride) * (height // stride) for stride in (8, 16, 32))

    def part(first: int, stop: int) -> str:
        return graph("Slice", both, graph.constant([first]), graph.constant([stop]), graph.constant([2]))

    low, high, sure = part(0, 2), part(2, 4), part(4, 5)
    places = graph.constant([[[0.0, 0.0], [1.0, 0.0]]])  # the first two cells
    middle = graph("Sub", graph("Div", graph("Add", low, high), graph.constant(16.0)), places)
    extent = graph(
        "Log", graph("Max", graph("Div", graph("Sub", high, low), graph.constant(8.0)), graph.constant(0.01))
    )
    classes = graph.constant(np.ones((1, 2, count)))
    found = graph("Concat", middle, extent, sure, classes, axis=2)
    rest = graph.constant(np.zeros((1, cells - 2, 5 + count)))
    graph.alias["output"] = graph("Concat", found, rest, axis=1)
    return graph.write(path, {"output": (1, cells, 5 + count)}, size)
