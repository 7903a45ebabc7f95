"""When a recording's first frame is shown travels with its poses."""

import dataclasses

import pytest

from skeletor.poses.begins import begins, begun, of_part
from skeletor.poses.pose import Provenance, StageRecord


def test_it_stands_in_the_provenance() -> None:
    plain = Provenance("a.mp4")
    late = begun(plain, 1.25).then(StageRecord("lift"))
    assert begun(plain, 0) == plain and begins(plain) == 0
    assert begins(late) == begins(dataclasses.asdict(late)) == begins(Provenance.from_json(late.to_json())) == 1.25
    assert begins({}) == 0
    assert of_part(late) == plain.then(StageRecord("lift")) == of_part(of_part(late))


@pytest.mark.parametrize("value", [-1, "2", None, float("nan"), float("inf"), 1e9, [1]])
def test_what_is_no_time_does_not_count(value: object) -> None:
    assert begins(Provenance(stages=(StageRecord("begins", config={"seconds": value}),))) == 0
