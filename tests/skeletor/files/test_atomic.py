import errno
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from skeletor.files.atomic import append_line, atomic_path, remove_leftovers, write_text
from skeletor.support.errors import InputError
from skeletor.support.progress import log, log_to


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "a.txt"
    write_text(file, "old")
    with pytest.raises(RuntimeError), atomic_path(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_a_file_gets_the_usual_permissions_whatever_its_writer_did(tmp_path):
    usual = tmp_path / "usual"
    usual.touch()
    with atomic_path(tmp_path / "a") as temporary:
        temporary.touch()
        os.chmod(temporary, 0o600)
    assert (tmp_path / "a").stat().st_mode == usual.stat().st_mode


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    folder = tmp_path / "model"
    for name in ("old", "new"):
        with atomic_path(folder) as temporary:
            temporary.mkdir()
            (temporary / name).touch()
    assert [p.name for p in folder.iterdir()] == ["new"]


def test_writers_of_one_file_never_share_a_temporary_name_even_with_one_pid(tmp_path, monkeypatch):
    """As on two machines that see one disk."""
    monkeypatch.setattr(os, "getpid", lambda: 7)
    file = tmp_path / "a.json"
    with atomic_path(file) as late:
        late.write_text("late")
        with atomic_path(file) as early:
            early.write_text("early")
        assert file.read_text() == "early" and late.read_text() == "late"
    assert file.read_text() == "late" and list(tmp_path.iterdir()) == [file]


def test_a_refused_write_names_the_final_path_and_leaves_nothing(tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(source))

    file = tmp_path / "a.txt"
    write_text(file, "old")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match=rf"^{file}: the disk is full") as caught:
        write_text(file, "new")
    assert ".tmp" not in str(caught.value)
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(InputError, match=rf"^{tmp_path / 'a'}: "):
        write_text(tmp_path / "a" / "b.txt", "x")
    with pytest.raises(InputError, match="too long"):
        write_text(tmp_path / ("ä" * 128), "x")
    with pytest.raises(InputError, match="UTF-8"):
        write_text(tmp_path / "c.txt", "\udce4")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_defect_of_the_program_stays_one(tmp_path):
    with pytest.raises(ValueError, match="oops"), atomic_path(tmp_path / "a"):
        raise ValueError("oops")
    with pytest.raises(InputError, match=r"^else.txt: no such file"), atomic_path(tmp_path / "a"):
        open("else.txt").close()


@pytest.mark.parametrize("name", ["n" * 250 + ".txt", "ä" * 125, "a" * 100 + "." + "b" * 100])
def test_as_long_a_name_as_the_disk_takes(tmp_path, name):
    with atomic_path(tmp_path / name) as temporary:
        temporary.write_text("x")
        assert Path(name).suffix != ".txt" or temporary.suffix == ".txt"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_leftovers_go_and_nothing_else(tmp_path):
    for name in (".a.12.tmp.txt", ".tmpAbC123", "a.txt", ".lock", "tmp.txt"):
        (tmp_path / name).touch()
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).touch()
    remove_leftovers(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"a.txt", ".lock", "tmp.txt", "in"}
    assert len(list((tmp_path / "in").iterdir())) == 5
    remove_leftovers(tmp_path, below=True)
    assert {p.name for p in (tmp_path / "in").iterdir()} == {"a.txt", ".lock", "tmp.txt"}


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond 20 bytes: a full disk, as a writer sees it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_line_is_added_whole_or_not_at_all(tmp_path, full_disk):
    file = tmp_path / "log.jsonl"
    append_line(file, "123456789")
    with pytest.raises(InputError, match=rf"^{file}: "):
        append_line(file, "12345678901234567890")
    append_line(file, "123")
    assert file.read_text() == "123456789\n123\n"


def test_a_log_that_cannot_be_written_is_said_once(tmp_path, monkeypatch, full_disk, capsys):
    before, propagate = list(log.handlers), log.propagate
    try:
        log_to(tmp_path / "log.txt")
        for k in range(5):
            log.info("line %d", k)
    finally:
        for handler in list(log.handlers):
            log.removeHandler(handler)
        log.handlers, log.propagate = before, propagate
    told = capsys.readouterr().err.splitlines()
    assert sum("log.txt" in line for line in told) == 1
    assert [line for line in told if "log.txt" not in line] == [f"line {k}" for k in range(5)]


def test_a_device_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is a device or a pipe"):
        write_text(tmp_path / "pipe", "x")
    assert (tmp_path / "pipe").is_fifo() and [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_full_disk_is_told_of_what_is_written_not_of_what_is_copied(tmp_path, monkeypatch):
    (tmp_path / "source").write_text("x")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "sendfile", full)
    with (
        pytest.raises(InputError, match=r"^\S+/target: the disk is full"),
        atomic_path(tmp_path / "target") as temporary,
    ):
        shutil.copyfile(tmp_path / "source", temporary)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["source"]
