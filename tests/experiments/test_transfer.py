import json
from pathlib import Path

import pytest

from experiments import transfer
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
            write(folder / "systems" / system / DONE, {"done": True})
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
    assert transfer.main(["--run", str(run), "--results", str(tmp_path / "out")]) == 0
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
    made = transfer.make(transfer.open_run(run), ["truth"])
    assert {key.split("/")[1] for key in made.numbers["pairs"]} == {"truth"}
    with pytest.raises(InputError, match="none of these rows has a trained translator: savgol"):
        transfer.make(transfer.open_run(run), ["savgol"])


def test_a_folder_that_is_no_finished_run_is_told_in_one_line(tmp_path: Path, run: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        transfer.open_run(tmp_path / "nothing")
    (run / "lifted" / "dev").rmdir()
    with pytest.raises(InputError, match="no finished run with rows to compare"):
        transfer.open_run(run)
