"""The ranges of the hand model's tensors."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.ablations.hand_ranges import places, with_ranges
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.estimators.mediapipe import estimator, graphs
from slt.estimators.mediapipe.models.hand_model import hand_file
from slt.estimators.mediapipe.models.integers import open_tensors, read, work

if estimator.unavailable():
    pytest.skip(f"mediapipe: {estimator.unavailable()}", allow_module_level=True)


def truth(left: float, right: float) -> PoseSequence:
    """One frame of 200 x 100 pixels, the hands' joints on a line of 20 pixels from there on."""
    points = np.full((1, 50, 2), 50.0)
    for side, start in (("left", left), ("right", right)):
        points[0, list(SIGNING_50.group(f"{side}_hand")), 0] = np.linspace(start, start + 20, 21)
    return PoseSequence(
        points.astype(np.float32), np.ones((1, 50), np.float32), 25.0, SIGNING_50,
        Provenance("x", "", "", "", (200, 100), "pixel"),
    )  # fmt: skip


def test_a_hand_that_is_wholly_in_the_picture_is_looked_at() -> None:
    from mediapipe.python import packet_getter

    (packet,) = places(truth(30.0, 190.0), 0)
    rect = packet_getter.get_proto(packet)
    assert (rect.x_center, rect.y_center) == pytest.approx((0.2, 0.5))
    assert (rect.width * 200, rect.height * 100) == pytest.approx((40, 40)), "a square"
    assert len(list(places(truth(30.0, 100.0), 0))) == 2 and not list(places(truth(-1.0, 199.0), 0))


def test_the_values_are_those_between_which_the_tensors_lie() -> None:
    """A tensor behind a ReLU6 lies in 0 to 6; one that is a sum of others between the sums of their ends."""
    from mediapipe.python import packet_creator, packet_getter
    from mediapipe.python._framework_bindings.image_frame import ImageFormat

    model = hand_file("full").read_bytes()
    operators = work(read(model))
    add = next(each for each in operators if len(each.inputs) == 2)
    tensors = [int(operators[0].outputs[0]), *map(int, add.inputs), int(add.outputs[0])]
    assert set(tensors[1:]) <= set(open_tensors(model, 0)) and tensors[0] not in open_tensors(model, 0)
    part = graphs.hand_values(with_ranges(model, tensors))
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    (place,) = places(truth(30.0, 190.0), 0)
    image = packet_creator.create_image_frame(picture, image_format=ImageFormat.SRGB)
    values = part({"image": image, graphs.PLACE: place})[graphs.VALUES]
    part.close()
    ends = np.array(packet_getter.get_float_list(values)).reshape(4, 2)  # highest, lowest
    assert (ends[:, 0] > ends[:, 1]).all() and ends[0, 1] >= 0 and ends[0, 0] <= 6
    assert ends[3, 0] <= ends[1:3, 0].sum() + 1e-4 and ends[3, 1] >= ends[1:3, 1].sum() - 1e-4
