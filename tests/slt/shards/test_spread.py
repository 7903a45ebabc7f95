"""Stages of `slt run` by an engine: the same bytes as here; what the engine leaves is done here."""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from skeletor.io.store import open_store, write_store
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.support.errors import InputError
from slt.cli.corpora import run as command
from slt.estimators.pose_files import PosesOptions
from slt.pipeline.work.poses.estimate import estimate_corpus
from slt.pipeline.work.poses.lift import lift_parts
from slt.shards.engines import Ended, Local, Slurm
from slt.shards.on_ray import Ray
from slt.shards.spread import EngineSpread
from tests.skeletor.poses.test_absent import signer
from tests.slt.pipeline.work.poses.test_estimate import digests, write_clips

pytestmark = pytest.mark.usefixtures("forked_workers")


class Leaving:
    """Does the first of the jobs in this process, and loses the others."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def run(self, job: Callable[[int], None], shards: Sequence[int]) -> Iterator[Ended]:
        self.counts.append(len(shards))
        job(shards[0])
        yield Ended(shards[0])
        yield from (Ended(shard, "lost") for shard in shards[1:])


def test_poses_are_estimated_by_the_engine_and_the_rest_here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sources = {"dev": write_clips(tmp_path / "in", "dev", 20)}
    sources["dev"]["dev-3"].write_bytes(b"none")
    engine, out = Leaving(), {name: tmp_path / name for name in ("plain", "spread")}
    estimate_corpus(sources, 1.0, PosesOptions(), tmp_path / "cache1", out["plain"], 1)
    estimate_corpus(sources, 1.0, PosesOptions(), tmp_path / "cache2", out["spread"], 1, spread=EngineSpread(engine))
    assert digests(out["spread"]) == digests(out["plain"]) and "dev-3" in (out["spread"] / "failed.json").read_text()
    assert engine.counts == [2] and "15 of 20 clips are there already" in caplog.text
    assert "a shard is left to this machine: lost" in caplog.text


def test_stores_are_lifted_by_workers_and_a_refused_clip_is_told_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    good = {f"clip{k}": signer(4 + k) for k in range(3)}
    write_store(tmp_path / "good", iter(good.items()))
    write_store(tmp_path / "bad", iter({"in3d": signer(5).replace(units="metre"), "clip": signer(6)}.items()))
    parts = {name: tmp_path / name for name in ("good", "bad")}
    lift_parts(parts, FastOptions(), 1, tmp_path / "plain")
    plain = caplog.text.count("left out")
    lift_parts(parts, FastOptions(), 1, tmp_path / "spread", spread=EngineSpread(Local(1)))
    assert digests(tmp_path / "spread") == digests(tmp_path / "plain")
    assert sorted(open_store(tmp_path / "spread" / "good")) == sorted(good)
    assert caplog.text.count("left out") == 2 * plain


def test_workers_stand_where_the_run_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)

    class Elsewhere:
        def run(self, job: Callable[[int], None], shards: Sequence[int]) -> Iterator[Ended]:
            os.chdir("/")
            job(shards[0])
            yield Ended(shards[0])

    EngineSpread(Elsewhere())(partial(_note, "here.txt"), 1, "x")
    assert (tmp_path / "here.txt").exists()


def _note(name: str, number: int) -> None:
    Path(name).write_text(f"{number}")


def test_the_command_hands_its_engine_to_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from slt.pipeline import run as pipeline

    given: list[Any] = []

    class Stop(Exception):
        pass

    def run(*arguments: Any) -> None:
        given.append(arguments[4])
        raise Stop

    monkeypatch.setattr(pipeline, "run", run)
    (tmp_path / "x.yaml").write_text("")

    def call(*flags: str) -> Any:
        with pytest.raises(Stop):
            command.main("run", [str(tmp_path / "x.yaml"), "--run-dir", str(tmp_path / "out"), *flags], "")
        return given[-1]

    assert call() is None and call("--executor", "local") is None
    slurm = call("--executor", "slurm", "--tasks", "7", "--slurm", "cluster=local", "--slurm", "mem_gb=4").engine
    assert slurm == Slurm(tmp_path / "out" / "slurm", 7, "local", {"mem_gb": 4})
    assert call("--executor", "ray", "--address", "auto", "--tasks", "3").engine == Ray("auto", 3)
    for flags, line in ((["--tasks", "3"], "--tasks: is of"), (["--executor", "ray", "--tasks", "0"], "--tasks 0: "),
                        (["--slurm", "a=1"], "--slurm: is of")):  # fmt: skip
        with pytest.raises(InputError, match=line):
            command.main("run", [str(tmp_path / "x.yaml"), *flags], "")
    assert isinstance(command.make_parser("run"), argparse.ArgumentParser)
