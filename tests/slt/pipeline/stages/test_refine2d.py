"""The 2D refiner as a stage of a run: fitted once, kept when nothing changed, refused where no truth is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skeletor.io.store import open_store, write_store
from skeletor.support.errors import InputError
from slt.data.layout import Corpus, Description
from slt.pipeline.cache.stage import Done
from slt.pipeline.config import RunConfig
from slt.pipeline.context import Detected, Run
from slt.pipeline.stages.refine2d import check_refine_2d, refine_2d, weights_of
from tests.skeletor.refiners2d.parts2d import clips

pytestmark = pytest.mark.usefixtures("forked_workers")


@pytest.fixture(name="start")
def _start(tmp_path: Path) -> tuple[Run, Detected]:
    truth, detected = clips(8, 0)
    write_store(tmp_path / "corpus" / "truth2d" / "train", truth.items())
    write_store(tmp_path / "poses" / "train", detected.items())
    write_store(tmp_path / "poses" / "test", clips(2, 70)[1].items())
    description = Description(kind="rendered", fps=25.0, y_scale=1.0, licence="ours")
    corpus = Corpus(tmp_path / "corpus", description, ())
    config = RunConfig.model_validate({"refine2d": {"name": "gaussian", "stride": 1}, "workers": 1})
    done = Done("simulate", tmp_path / "poses", "key", 0)
    parts = {part: tmp_path / "poses" / part for part in ("train", "test")}
    return Run(config, tmp_path / "run", corpus, "corpus"), Detected(done, parts)


def test_it_is_fitted_refines_all_parts_and_is_kept(start: tuple[Run, Detected]) -> None:
    run, detected = start
    refined = refine_2d(run, detected)
    truth = clips(2, 70)[0]
    before, after = open_store(detected.parts["test"]), open_store(refined.parts["test"])
    assert set(refined.parts) == {"train", "test"} and set(after) == set(truth)
    for name, true in truth.items():
        errors = [np.linalg.norm(p[name].keypoints - true.keypoints, axis=2).mean() for p in (before, after)]
        assert errors[1] < 0.9 * errors[0]
        assert after[name].provenance.stages[-1].name == "refine2d"
    files = {f: f.stat().st_mtime_ns for f in run.folder.rglob("*.safetensors")}
    assert weights_of(run) in files
    again = refine_2d(run, detected)
    assert again.done.key == refined.done.key != detected.done.key
    assert {f: f.stat().st_mtime_ns for f in run.folder.rglob("*.safetensors")} == files


def test_none_changes_nothing_and_given_weights_are_not_fitted(start: tuple[Run, Detected], tmp_path: Path) -> None:
    run, detected = start
    none = Run(RunConfig(), tmp_path / "none", run.corpus, "corpus")
    check_refine_2d(none)
    assert refine_2d(none, detected) is detected
    refine_2d(run, detected)
    refine2d = {"name": "gaussian", "weights": str(weights_of(run))}
    given = Run(
        RunConfig.model_validate({"refine2d": refine2d, "workers": 1}), tmp_path / "given", run.corpus, "corpus"
    )
    check_refine_2d(given)
    refined = refine_2d(given, detected)
    assert not (given.folder / "refiner2d").exists() and set(open_store(refined.parts["test"])) == {"clip0", "clip1"}


def test_without_true_2d_it_is_refused_before_any_work(start: tuple[Run, Detected], tmp_path: Path) -> None:
    run, _ = start
    real = Description(kind="phoenix14t", fps=25.0, y_scale=1.0, licence="theirs")
    with pytest.raises(InputError, match="no true 2D to fit it to"):
        check_refine_2d(Run(run.config, tmp_path, Corpus(tmp_path, real, ()), "corpus"))
    config = RunConfig.model_validate({"refine2d": {"name": "gaussian", "weights": str(tmp_path / "gone")}})
    with pytest.raises(InputError, match="no such file"):
        check_refine_2d(Run(config, tmp_path, run.corpus, "corpus"))


def test_its_shards_are_handed_out_like_those_of_other_stages(start: tuple[Run, Detected]) -> None:
    run, detected = start
    asked = []

    def spread(job: Callable[[int], None], count: int, what: str) -> None:
        asked.append((count, what))
        job(0)  # what is not made elsewhere is made here

    plain = refine_2d(run, detected)
    away = refine_2d(replace(run, folder=run.folder.with_name("away"), spread=spread), detected)
    assert asked == [(2, "refine2d")]
    for part in detected.parts:
        for file in plain.parts[part].glob("*.safetensors"):
            assert (away.parts[part] / file.name).read_bytes() == file.read_bytes()
