"""The bench: its table, and every stage but the estimator's in its smallest form."""

import json
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.benchmarks import estimate, recognise, refine, translate
from experiments.benchmarks.table import MEGABYTES, Row, markdown
from skeletor.poses.pose import PoseSequence
from slt.recognise.config import PRESETS

pytestmark = pytest.mark.usefixtures("forked_workers")


def test_a_ratio_above_one_means_that_ours_is_better() -> None:
    assert Row("a", "frames/s", 200, "b", 100).ratio == 2
    assert Row("a", MEGABYTES, 1, "b", 5).ratio == 5
    text = markdown([Row("lift", "frames/s", 2000, "reference", 100)], "2 cores")
    assert "| lift | frames/s | reference | 2,000 | 100 | 20.0x |" in text and "2 cores" in text


@pytest.fixture
def without_video(monkeypatch: pytest.MonkeyPatch) -> None:
    """Motion in the place of rendered clips: no pixels are drawn."""

    def rendered(frames: int, folder: Path) -> estimate.Clips:
        pose = refine.motion(40)
        flat = PoseSequence(
            pose.keypoints[..., :2] * 60 + 120, pose.confidence, pose.fps, pose.skeleton, pose.provenance
        ).replace(units="pixel")
        return estimate.Clips(folder, [flat], 1.0)

    monkeypatch.setattr(estimate, "rendered", rendered)


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Translators and recogniser of the least width: how long they take is not what is tested."""
    small = {"layers": 1, "hidden": 32, "feed_forward": 64, "heads": 2}
    monkeypatch.setattr(translate, "SIZE", translate.SIZE.model_copy(update=small))
    monkeypatch.setattr(
        recognise, "PRESETS", {"ctc": recognise.PRESETS["ctc"].model_copy(update={**small, "width": 16})}
    )
    monkeypatch.setattr(recognise, "RecogniserConfig", lambda: PRESETS["tiny"])


@pytest.mark.usefixtures("without_video", "small_networks")
def test_every_stage_has_a_peer_in_the_same_run(tmp_path: Path) -> None:
    sizes = [
        "only=[lift, refine, translate, recognise, shards, stream]",
        "cycles=2",
        "store=500",
        "steps=3",
        "clip=64",
        "lengths=[4]",
        "updates=1",
        "sentences=320",
        "shards=2",
        "waits=2",
        "seconds=0.01",
        "streamed=[64, 192]",
        "draws=2",
        "repeats=1",
        "read=8",
    ]
    changes = [part for size in sizes for part in ("--set", size)]
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path)]
    assert main(["bench", *where, *changes]) == 0
    rows = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert {row["stage"].split()[0] for row in rows} >= {"lift", "read", "train", "refine,", "decode"}
    assert all(row["peer"] and ((row["theirs"] > 0 and row["ours"] > 0) or row["unit"] == MEGABYTES) for row in rows)
    assert {row["peer"] for row in rows if "shards" in row["stage"]} == {"multiprocessing.Pool", "1 worker"}
    assert sum(row["peer"] == "packed, mapped" for row in rows) == 2
    assert {row["peer"] for row in rows if "64 clips" in row["stage"]} == {"192 clips"}
    assert sum(row["peer"] == "JoeyNMT's own" for row in rows) == 5
    assert sum(row["peer"].startswith("joint translator, ctc") for row in rows) == 2
    assert (tmp_path / "bench.md").read_text().count("\n| ") == len(rows) + 1
