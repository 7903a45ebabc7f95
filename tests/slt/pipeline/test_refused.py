"""What a run that is refused leaves behind."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from skeletor.files.lock import locked
from skeletor.support.errors import InputError
from slt.cli.corpora.run import main
from slt.pipeline import refused
from slt.pipeline.refused import before, nothing_left_if_refused

BEGUN = {"config.json": "{}", "log.txt": "x", "corpus/done.json": '{"done": false}'}


def refuse(folder: Path, files: dict[str, str], error: type[Exception] = InputError) -> None:
    there = before(folder)
    with pytest.raises(error), locked(folder), nothing_left_if_refused(folder, there):
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        raise error


def test_a_folder_that_was_made_goes_with_those_above_it(tmp_path: Path) -> None:
    refuse(tmp_path / "runs" / "mine", BEGUN)
    assert not list(tmp_path.iterdir())


def test_what_others_put_beside_it_stays(tmp_path: Path) -> None:
    (tmp_path / "runs" / "other").mkdir(parents=True)
    refuse(tmp_path / "runs" / "mine", BEGUN)
    assert list((tmp_path / "runs").iterdir()) == [tmp_path / "runs" / "other"]


def test_a_folder_that_was_there_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine" / "videos").mkdir(parents=True)
    (tmp_path / "mine" / "config.json").write_text("of a run of before")
    refuse(tmp_path / "mine", BEGUN)
    assert {path.name for path in (tmp_path / "mine").rglob("*")} == {"videos", "config.json"}


def test_what_others_write_while_it_is_removed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may write between the look and the removal."""
    look = refused._has_results

    def look_and_write(path: Path) -> bool:
        found = look(path)
        if path.is_dir():
            (path / "theirs.npz").write_text("x")
        return found

    monkeypatch.setattr(refused, "_has_results", look_and_write)
    (tmp_path / "mine").mkdir()
    refuse(tmp_path / "mine", BEGUN)
    assert [path.name for path in (tmp_path / "mine").rglob("*")] == ["corpus", "theirs.npz"]


@pytest.mark.parametrize("there", [True, False])
def test_the_refusal_is_told_if_nothing_can_be_removed(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a disk that became read-only, and of a folder that was removed meanwhile."""

    def read_only(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    before_ = before(tmp_path / "mine")
    with pytest.raises(InputError, match="refused"), nothing_left_if_refused(tmp_path / "mine", before_):
        if there:
            (tmp_path / "mine").mkdir()
            (tmp_path / "mine" / "config.json").write_text("{}")
            monkeypatch.setattr(Path, "unlink", read_only)
        raise InputError("refused")


def test_a_run_with_results_stays_whole_in_a_folder_that_was_there(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    refuse(tmp_path / "mine", BEGUN | {"estimated/done.json": '{"done": true}'})
    assert {"log.txt", ".lock", "estimated"} <= {path.name for path in (tmp_path / "mine").iterdir()}


@pytest.mark.parametrize("name, text", [("bad_clips.tsv", ""), ("estimated/done.json", '{"done": true}')])
def test_a_result_or_a_list_stays(tmp_path: Path, name: str, text: str) -> None:
    refuse(tmp_path / "mine", BEGUN | {name: text})
    assert (tmp_path / "mine" / name).exists() and (tmp_path / "mine" / "log.txt").exists()


def test_after_a_defect_all_stays(tmp_path: Path) -> None:
    refuse(tmp_path / "mine", BEGUN, RuntimeError)
    assert (tmp_path / "mine" / "log.txt").exists()


def test_a_run_of_data_that_cannot_be_used_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("gloss2text: false\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "clips.tsv").write_text("name\tsplit\n")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=r"clips\.tsv"):
        main(
            "run",
            [str(tmp_path / "x.yaml"), "--corpus", str(tmp_path / "data"), "--run-dir", str(tmp_path / "r/r")],
            "",
        )
    assert set(tmp_path.rglob("*")) == before
