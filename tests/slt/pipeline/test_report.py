"""The table of a run: floor, rows with their seeds, p against raw, gains, footnotes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from slt.data.layout import Clip, Corpus, Description
from slt.pipeline.cache.stage import Done
from slt.pipeline.config import RunConfig
from slt.pipeline.context import Row, Run
from slt.pipeline.report import make_table
from slt.pipeline.stages.cascades import cascade_of
from slt.pipeline.stages.translators import GLOSS, TrainedTranslator
from slt.pipeline.tables import gains
from slt.score.scores import score

TEXTS = [
    "im norden regen .",
    "im süden sonne und wind .",
    "morgen ist es kalt im osten .",
    "im westen regen und wind .",
]
DONE = Done("", Path(), "", 0.0)
ROWS = [
    Row("raw", "raw 3D skeletons", DONE, Path()),
    Row("savgol", "linear + Savitzky-Golay", DONE, Path()),
    Row("skeletor", "Skeletor", DONE, Path(), refiner=DONE, own=True),
]


def corpus(tmp_path: Path, kind: str) -> Corpus:
    clips = [
        Clip(f"{split}-{k}", split, None, "s", ("G",), TEXTS[k % 4])
        for split, count in (("train", 40), ("dev", 12), ("test", 16))
        for k in range(count)
    ]
    return Corpus(tmp_path, Description(kind=kind), tuple(clips))


def system(clips: Corpus, seed: int, wrong: int, absent: int = 0) -> TrainedTranslator:
    """Every `wrong`-th sentence is another one; the first `absent` clips of each split were left out."""
    outputs = {
        split: {
            c.name: TEXTS[(k + 1) % 4] if wrong and k % wrong == 0 else c.text
            for k, c in enumerate(clips.split(split)) if k >= absent
        }
        for split in ("dev", "test")
    }  # fmt: skip
    return TrainedTranslator(DONE, seed, outputs)


@pytest.fixture
def clips(tmp_path: Path) -> Corpus:
    return corpus(tmp_path, "phoenix14t")


def test_seeds_gains_and_published_rows_of_a_whole_table(clips: Corpus, tmp_path: Path) -> None:
    systems = {
        "raw": (system(clips, 1, 2), system(clips, 2, 3)),
        "savgol": (system(clips, 1, 3), system(clips, 2, 3)),
        "skeletor": (system(clips, 1, 5), system(clips, 2, 6)),
        GLOSS: (system(clips, 1, 0), system(clips, 2, 0)),
    }
    table = make_table(Run(RunConfig(seeds=2), tmp_path, clips, ""), ROWS, systems)
    assert [r.name for r in table.rows] == ["constant", "raw", "savgol", "skeletor", GLOSS]
    raw, own = table.rows[1], table.rows[3]
    truth = [c.text for c in clips.split("test")]
    single = [score([s.outputs["test"][c.name] for c in clips.split("test")], truth).bleu4 for s in systems["raw"]]
    assert raw.test.bleu4 == pytest.approx(sum(single) / 2) and raw.test.trainings == 2
    assert [s.test.bleu4 for s in raw.seeds] == pytest.approx(single) and [s.seed for s in raw.seeds] == [1, 2]
    assert raw.p is None and table.rows[0].p is None and 0 < own.p < 1
    compared = [(g.row, g.over) for g in table.gains if g.split == "test"]
    assert compared == [
        ("Skeletor", "raw 3D skeletons"), ("Skeletor", "linear + Savitzky-Golay"),
        ("gloss to text (for comparison)", "Skeletor"),
    ]  # fmt: skip
    over_raw = next(g for g in table.gains if g.split == "test")
    assert over_raw.difference == pytest.approx(own.test.bleu4 - raw.test.bleu4) and over_raw.p == own.p
    assert over_raw.relative == pytest.approx(100 * over_raw.difference / raw.test.bleu4)
    notes = " ".join(table.notes)
    assert "2 seeds (1 to 2)" in notes and 'final " ." token' in notes and table.published and "Table 5" in notes
    assert "| Skeletor | raw 3D skeletons | test | +" in gains.markdown(table.gains)


def test_cascades_stand_behind_their_rows_and_are_compared_among_themselves(clips: Corpus, tmp_path: Path) -> None:
    names = [name for row in ROWS for name in (row.name, cascade_of(row.name))]
    systems = {name: (system(clips, 1, 2 + k),) for k, name in enumerate(names)} | {GLOSS: (system(clips, 1, 0),)}
    read = {s: {c.name: ["G"] if k else ["H"] for k, c in enumerate(clips.split(s))} for s in ("dev", "test")}
    systems[cascade_of("raw")] = (replace(systems[cascade_of("raw")][0], glosses=read),)
    table = make_table(Run(RunConfig(), tmp_path, clips, ""), ROWS, systems)
    assert [r.name for r in table.rows] == ["constant", *names, GLOSS]
    by_name = {row.name: row for row in table.rows}
    assert by_name[cascade_of("raw")].p is None and by_name[cascade_of("savgol")].p is not None
    assert by_name[cascade_of("raw")].test.wer == pytest.approx(100 / 16)
    compared = [(g.row, g.over) for g in table.gains if g.split == "test"]
    own = by_name[cascade_of("skeletor")].label
    assert own == "Skeletor: glosses recognised, then translated"
    assert [over for row, over in compared if row == own] == [
        by_name[cascade_of("raw")].label, by_name[cascade_of("savgol")].label,
    ]  # fmt: skip
    assert "WER of the recognised glosses 8.33 (8.33 substituted" in " ".join(table.notes)


def test_one_row_alone_has_neither_p_nor_gains_and_lost_clips_count_as_empty(clips: Corpus, tmp_path: Path) -> None:
    systems = {"skeletor": (system(clips, 1, 0, absent=2),)}
    table = make_table(Run(RunConfig(period=False), tmp_path, clips, ""), ROWS[2:], systems)
    assert [r.name for r in table.rows] == ["constant", "skeletor"] and table.gains == ()
    assert table.rows[1].p is None and table.rows[1].test.bleu1 < 100
    notes = " ".join(table.notes)
    assert "skeletor: 2 test clips could not be read" in notes and "without a final period" in notes
    assert "one seed" in notes


def test_the_rendered_signer_shows_no_published_row(tmp_path: Path) -> None:
    clips = corpus(tmp_path, "resynthesised")
    systems = {"raw": (system(clips, 1, 3),)}
    table = make_table(Run(RunConfig(), tmp_path, clips, ""), ROWS[:1], systems)
    assert table.published and any("not comparable" in note for note in table.notes)
    other = make_table(Run(RunConfig(), tmp_path, corpus(tmp_path, "something"), ""), ROWS[:1], systems)
    assert other.published == () and "published" not in other.markdown()


def test_what_was_recognised_is_told_by_kind_of_mistake(clips: Corpus, tmp_path: Path) -> None:
    """Each clip is one gloss. Of 12 in dev 3 are misread, of 16 in test 4 are lost and 2 have one too many."""
    read = {
        "dev": {c.name: ("X",) if k < 3 else ("G",) for k, c in enumerate(clips.split("dev"))},
        "test": {c.name: () if k < 4 else ("G", "G") if k < 6 else ("G",) for k, c in enumerate(clips.split("test"))},
    }
    plain = system(clips, 1, 2)
    systems = {"raw": (TrainedTranslator(DONE, 1, plain.outputs, read),)}
    table = make_table(Run(RunConfig(gloss2text=False), tmp_path, clips, ""), ROWS[:1], systems)
    assert (
        "raw 3D skeletons: WER of the recognised glosses 25.00 (25.00 substituted, 0.00 deleted, 0.00 inserted) on "
        "dev, 37.50 (0.00 substituted, 25.00 deleted, 12.50 inserted) on test"
    ) in table.notes
