import json
import logging

import pytest

from slt.pipeline.cache.files import FILES
from slt.pipeline.cache.stage import DONE, Done, finished_stage, forget, kept_stage, read_json, run_stage, stage_key

CODE = ("skeletor.support.errors",)


class Counter:
    def __init__(self, fail=False):
        self.calls, self.fail = 0, fail

    def __call__(self, folder):
        self.calls += 1
        (folder / f"part{self.calls}").write_text("x")
        if self.fail:
            raise KeyboardInterrupt


def stage(folder, work, config=None, inputs=()):
    return run_stage("s", folder, work, config or {"a": 1}, inputs, code=CODE)


def test_unchanged_stage_is_skipped_and_a_changed_one_starts_afresh(tmp_path):
    work, folder = Counter(), tmp_path / "s"
    first = stage(folder, work)
    assert stage(folder, work).key == first.key and work.calls == 1
    stage(folder, work, {"a": 2})
    assert work.calls == 2 and not (folder / "part1").exists()


def test_a_killed_stage_keeps_its_files_and_goes_on(tmp_path):
    folder = tmp_path / "s"
    with pytest.raises(KeyboardInterrupt):
        stage(folder, Counter(fail=True))
    assert read_json(folder / DONE)["done"] is False
    work = Counter()
    stage(folder, work)
    assert work.calls == 1 and (folder / "part1").exists() and read_json(folder / DONE)["done"]


def test_a_stage_that_is_to_be_forgotten_is_made_again_in_its_folder(tmp_path):
    work, folder = Counter(), tmp_path / "s"
    forget(folder)
    assert not folder.exists()
    stage(folder, work)
    forget(folder)
    assert finished_stage(folder) is None
    stage(folder, work)
    assert work.calls == 2 and not (folder / "part1").exists() and (folder / "part2").exists()


def test_what_a_killed_writer_left_is_removed(tmp_path):
    folder = tmp_path / "s"
    with pytest.raises(KeyboardInterrupt):
        stage(folder, Counter(fail=True))
    (folder / "deep").mkdir()
    (folder / "deep/.clip.123.tmp.mp4").write_text("half")
    (folder / ".folder.5.tmp").mkdir()
    (folder / ".folder.5.tmp/file").write_text("half")
    stage(folder, Counter())
    assert sorted(p.name for p in folder.rglob("*")) == ["deep", DONE, FILES, "part1"]


def test_an_input_changes_the_key_of_all_that_follows(tmp_path):
    a = stage(tmp_path / "a", Counter())
    b = stage(tmp_path / "b", Counter(), {"a": 2})
    assert stage_key({}, (a,), ()) != stage_key({}, (b,), ())


def test_a_broken_marker_counts_as_none(tmp_path):
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / DONE).write_text("{")
    work = Counter()
    stage(folder, work)
    assert work.calls == 1


def test_what_another_run_has_done_is_taken_and_never_touched(tmp_path):
    other, own, work = tmp_path / "other", tmp_path / "own", Counter()
    stage(other, work)
    before = sorted((p.name, p.stat().st_mtime_ns) for p in other.iterdir())

    def reuse(config):
        return run_stage("s", own, work, config, (), (tmp_path / "nowhere", other), CODE)

    assert reuse({"a": 1}).folder == other and work.calls == 1 and not own.exists()
    assert reuse({"a": 2}).folder == own and work.calls == 2
    assert reuse({"a": 1}).folder == other and not own.exists()  # what another config had left there is gone
    assert sorted((p.name, p.stat().st_mtime_ns) for p in other.iterdir()) == before


def test_its_own_result_comes_first(tmp_path):
    work = Counter()
    stage(tmp_path / "other", work)
    stage(tmp_path / "own", work)
    done = run_stage("s", tmp_path / "own", work, {"a": 1}, (), (tmp_path / "other",), CODE)
    assert done.folder == tmp_path / "own" and work.calls == 2


def test_what_another_run_has_only_begun_is_not_taken(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        stage(tmp_path / "other", Counter(fail=True))
    work = Counter()
    done = run_stage("s", tmp_path / "own", work, {"a": 1}, (), (tmp_path / "other",), CODE)
    assert done.folder == tmp_path / "own" and work.calls == 1


@pytest.mark.parametrize("harm", ["changed", "cut", "gone", "list gone"])
def test_a_finished_stage_that_was_damaged_is_made_again_and_told(tmp_path, caplog, harm):
    folder, work = tmp_path / "s", Counter()
    stage(folder, work)
    part = folder / (FILES if harm == "list gone" else "part1")
    {"changed": lambda: part.write_text("y"), "cut": lambda: part.write_text("")}.get(harm, part.unlink)()
    with caplog.at_level(logging.WARNING, "skeletor"):
        stage(folder, work)
    assert work.calls == 2 and (folder / "part2").exists() and not (folder / "part1").exists()
    assert len(caplog.messages) == 1 and part.name in caplog.text and "made again" in caplog.text
    stage(folder, work)
    assert work.calls == 2


@pytest.mark.parametrize("where", ["own", "other"])
def test_damage_is_told_once_where_a_stage_is_looked_for_before_it_is_run(tmp_path, caplog, where):
    work = Counter()
    done = stage(tmp_path / where, work)
    (tmp_path / where / "part1").write_text("y")
    with caplog.at_level(logging.WARNING, "skeletor"):
        assert kept_stage("s", tmp_path / "own", done.key, (tmp_path / "other",)) is None
        run_stage("s", tmp_path / "own", work, {"a": 1}, (), (tmp_path / "other",), CODE)
    assert work.calls == 2 and len(caplog.messages) == 1 and str(tmp_path / where) in caplog.text


def test_a_finished_stage_is_whole_whatever_its_key(tmp_path, caplog):
    done = stage(tmp_path / "s", Counter())
    assert finished_stage(tmp_path / "s") == Done("s", tmp_path / "s", done.key, done.seconds)
    (tmp_path / "s" / "part1").unlink()
    with caplog.at_level(logging.WARNING, "skeletor"):
        assert finished_stage(tmp_path / "s") is None and finished_stage(tmp_path / "none") is None
    assert len(caplog.messages) == 1 and "part1 is gone" in caplog.text and "made again" not in caplog.text
    with pytest.raises(KeyboardInterrupt):
        stage(tmp_path / "begun", Counter(fail=True))
    assert finished_stage(tmp_path / "begun") is None


def test_a_damaged_stage_of_another_run_is_not_taken(tmp_path):
    other, work = tmp_path / "other", Counter()
    stage(other, work)
    (other / "part1").write_text("y")
    done = run_stage("s", tmp_path / "own", work, {"a": 1}, (), (other,), CODE)
    assert done.folder == tmp_path / "own" and work.calls == 2 and (other / "part1").read_text() == "y"


def test_a_stage_that_was_finished_before_files_were_written_down_is_kept(tmp_path):
    folder, work = tmp_path / "s", Counter()
    stage(folder, work)
    marker = read_json(folder / DONE)
    del marker["files"]
    (folder / DONE).write_text(json.dumps(marker))
    stage(folder, work)
    assert work.calls == 1
