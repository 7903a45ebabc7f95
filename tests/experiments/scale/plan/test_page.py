"""Plans of large corpora by hand-made rates."""

import json
from pathlib import Path

import pytest

from experiments.scale.plan.million import DryRun
from experiments.scale.plan.page import PlanConfig, engine_seconds, page, planned, size, span
from experiments.scale.plan.rates import FAST, LIFT, POSES, REFINE, TRANSLATE, Rates

RATES = Rates(
    milliseconds={POSES: 36.0, FAST: 20.0, LIFT: 0.1, REFINE: 1.0, TRANSLATE: 2.0},
    frame_bytes={POSES: 700.0, FAST: 700.0, LIFT: 1000.0, REFINE: 1000.0, TRANSLATE: 20.0, "pack": 320.0},
    marker=300, looked=0.1, hashed=1e9, handed=0.5,
)  # fmt: skip
DRY = DryRun(1000, 10, 1.0, 2.0, 4.0, 100.0, 60_000)
CONFIG = PlanConfig(frames=[1_000_000], clip=100, size=10, price=0.5, cores=[2])


def test_hours_shards_bytes_and_what_engines_take() -> None:
    rows = {row.stage: row for row in planned(1_000_000, RATES, {"local": 0.01}, CONFIG)}
    assert list(rows) == [POSES, FAST, LIFT, REFINE, TRANSLATE]
    poses, lift = rows[POSES], rows[LIFT]
    assert poses.shards == 1000 and poses.files == 2000 and poses.hours == pytest.approx(10.0)
    assert poses.bytes == pytest.approx(700e6 + 1000 * 300)
    assert poses.shard_seconds == pytest.approx(36.0) and poses.overhead == {"local": pytest.approx(0.01 / 36)}
    assert lift.shard_seconds == pytest.approx(0.1) and lift.workers == pytest.approx(200)
    assert planned(1_000_001, RATES, {}, CONFIG)[0].shards == 1001, "the last one has what is left"


def test_the_page_sums_what_sentences_need() -> None:
    rows = planned(1_000_000, RATES, {"local": 0.01}, CONFIG)
    text = page(rows, RATES, DRY, {"local": 0.01}, CONFIG)
    assert "| poses | 1,000 | 700 MB | 10 | 5.00 h | 5 | CPU only |" in text
    assert "| poses, lift, refine, translate |  | 2.72 GB | 11 | 5.43 h | 5 | not measured |" in text
    assert "| skeletor pack |  | 320 MB |" in text
    assert "| local | 10 | 0.028 % | 0.050 % | 10 % | 1.0 % | 0.50 % |" in text
    assert "| files of `slt poses`, one a clip | 10,000 |" in text
    assert "keeps busy, lift | 200 |" in text
    assert "| 1,000 | 10 | 1.0 s | 2.0 s | 4 s | 100 MB | 60.0 kB |" in text


def test_what_engines_cost_comes_from_the_results_of_their_experiment(tmp_path: Path) -> None:
    assert engine_seconds(tmp_path / "none.json") == {}
    names = ("in this process", "multiprocessing.Pool", "local")
    rows = [{"name": name, "cpu": 1.0 + k, "wall": 1.0, "shards": 100} for k, name in enumerate(names)]
    (tmp_path / "shards.json").write_text(json.dumps({"costs": rows}))
    assert engine_seconds(tmp_path / "shards.json") == {"local": pytest.approx(0.02)}


def test_units() -> None:
    assert [size(n) for n in (320, 8e9, 1.25e12, 3e15)] == ["320 B", "8.00 GB", "1.25 TB", "3000 TB"]
    assert [span(h) for h in (0.001, 0.5, 5, 100, 20_000)] == ["3.6 s", "30 min", "5.00 h", "4.2 days", "2.3 years"]
