"""What every registered estimator promises, before it sees a picture."""

from pathlib import Path

import pytest

from skeletor.support.errors import InputError, MissingDependency
from slt.estimators.registry import ESTIMATORS, build_estimator


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_tells_what_decides_its_results_or_why_it_cannot_work(name: str, tmp_path: Path) -> None:
    options = ESTIMATORS.parse({"name": name, "pose_stride": 3})
    reason = ESTIMATORS[name].unavailable()
    if reason is not None:
        with pytest.raises(MissingDependency, match=f"estimator {name}") as caught:
            build_estimator(options)
        assert reason in str(caught.value) and "\n" not in str(caught.value)
        return
    estimator = build_estimator(options)
    assert estimator.name == name and estimator.version and estimator.options["pose_stride"] == 3
    faster = build_estimator(ESTIMATORS.parse({"name": name, "fps": 50.0}))
    assert dict(faster.options) != dict(build_estimator(ESTIMATORS.parse({"name": name})).options)
    with pytest.raises(InputError, match="nowhere") as caught_input:
        estimator(tmp_path / "nowhere")
    assert "\n" not in str(caught_input.value)
