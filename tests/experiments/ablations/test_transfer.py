import json
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.ablations import transfer
from skeletor.support.errors import InputError
from slt.data import layout
from slt.pipeline.cache.stage import DONE
from slt.pipeline.config import RunConfig

TEXTS = [
    "im norden regen .",
    "im süden sonne und wind .",
    "morgen ist es kalt im osten .",
    "im westen regen und wind .",
]


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run of two rows whose translators have translated all that they are asked for."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text(RunConfig(seeds=2).model_dump_json())
    texts = {}
    for split in layout.SPLITS:
        clips = [
            layout.Clip(f"{split}-{k}", split, None, "s", ("G",), TEXTS[k % 4].removesuffix(" .")) for k in range(12)
        ]
        layout.write_annotation(folder / "corpus", split, clips)
        texts[split] = {clip.name: f"{clip.text} ." for clip in clips}
    layout.write_description(folder / "corpus", layout.Description("rendered"))
    for store in ("lifted", "truth"):
        for split in layout.SPLITS:
            (folder / store / split).mkdir(parents=True)
    for row, other in (("raw", "truth"), ("truth", "raw")):
        for system in (row, f"{row}-s2"):
            write(folder / "systems" / system / DONE, {"key": system, "done": True})
            for split in transfer.SPLITS:
                right = texts[split]
                wrong = {name: text if k % 3 else "es ist mild ." for k, (name, text) in enumerate(right.items())}
                found, strange = (wrong, right) if row == "raw" else (right, {**wrong, next(iter(wrong)): "nichts ."})
                write(folder / "systems" / system / f"{split}.json", found)
                write(folder / "systems" / system / f"{split}-from-{other}.json", strange)
    return folder


def test_each_row_is_scored_on_the_poses_of_each_other(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "out")]
    assert main(["transfer", "--run", str(run), *where]) == 0
    found = json.loads((tmp_path / "out" / "transfer.json").read_text())["numbers"]
    assert set(found["pairs"]) == {
        f"{s}/{a}/{b}" for s in transfer.SPLITS for a in ("raw", "truth") for b in ("raw", "truth")
    }
    assert (
        found["pairs"]["test/truth/truth"]["bleu4"] == found["pairs"]["test/raw/truth"]["bleu4"] == pytest.approx(100)
    )
    assert found["pairs"]["test/raw/raw"]["each"] == [found["pairs"]["test/raw/raw"]["bleu4"]] * 2
    gain = found["gains"]["test/truth/truth"]
    assert gain["difference"] == pytest.approx(100 - found["pairs"]["test/truth/raw"]["bleu4"]) and gain["p"] < 0.05
    assert "| truth | test | truth | +" in (tmp_path / "out" / "transfer.md").read_text()


def test_only_the_rows_that_are_asked_for(run: Path) -> None:
    made = transfer.exchanged(transfer.open_run(run), ["truth"])
    assert {key.split("/")[1] for key in made.numbers["pairs"]} == {"truth"}
    with pytest.raises(InputError, match="none of these rows has a trained translator: savgol"):
        transfer.exchanged(transfer.open_run(run), ["savgol"])


def test_a_folder_that_is_no_finished_run_is_told_in_one_line(tmp_path: Path, run: Path) -> None:
    with pytest.raises(InputError, match="nothing: no finished run; make one with"):
        transfer.open_run(tmp_path / "nothing")
    (run / "lifted" / "dev").rmdir()
    with pytest.raises(InputError, match="no finished run with rows to compare"):
        transfer.open_run(run)


LINES = [
    "am montag regen im norden",
    "heute nacht klar und kalt",
    "morgen weht starker wind",
    "im süden sonne und wolken",
]


@pytest.fixture
def run_of(tmp_path: Path):
    def make(name: str, **rows: list[str]) -> Path:
        folder = tmp_path / name
        for split in ("train", "dev", "test"):
            clips = [layout.Clip(f"{split}-{k}", split, None, "s", ("A",), text) for k, text in enumerate(LINES)]
            layout.write_annotation(folder / "corpus", split, clips)
            for row, made in rows.items():
                path = folder / "systems" / row.replace("_", "-") / f"{split}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps({clip.name: text for clip, text in zip(clips, made, strict=True)}))
        return folder

    return make


def test_all_trainings_of_a_row_count_and_no_other_rows(run_of):
    wrong = ["am montag sonne"] * 4
    one = run_of("one", raw=wrong, raw_s2=LINES, raw_motion=LINES)
    other = run_of("other", raw=LINES)
    assert len(transfer.trainings(one, "raw", "dev")) == 2
    found = transfer.compared((one, "raw"), (other, "raw"))["test"]
    assert found["trainings"] == [2, 1] and found["difference"] > 10
    assert transfer.compared((other, "raw"), (other, "raw"))["dev"]["difference"] == 0


def test_a_row_that_is_not_there_is_one_line(run_of):
    with pytest.raises(InputError, match="no finished translator of row 'savgol'"):
        transfer.trainings(run_of("one", raw=LINES), "savgol", "dev")


def test_the_rows_of_two_runs_are_written(run_of, tmp_path):
    one, other = run_of("one", raw=["am montag sonne"] * 4), run_of("other", raw=LINES)
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "out"), "--as", "pair"]
    sides = {"first": one, "first_row": "raw", "second": other, "second_row": "raw"}
    changes = [part for key, value in sides.items() for part in ("--set", f"{key}={value}")]
    assert main(["compare-rows", *where, *changes]) == 0
    assert "| test | 1 and 1 | +" in (tmp_path / "out" / "pair.md").read_text()
