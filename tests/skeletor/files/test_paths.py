import argparse
import os
import socket
from pathlib import Path

import pytest

from skeletor.files.paths import address_fault, check_folder, input_path, output_path, special_fault
from skeletor.support.errors import InputError


@pytest.mark.parametrize("text", ["https://example.org/a.mp4", "rtsp://cam/1", "file:///tmp/a.mp4", "s3://b/c.pose"])
def test_addresses_are_refused_as_they_were_written(text):
    with pytest.raises(InputError) as caught:
        input_path(text)
    assert str(caught.value).startswith(f"{text}: an address is not read")


@pytest.mark.parametrize("text", ["a.mp4", "./a:b.mp4", "folder//a.mp4", "http", "C:\\a.mp4", "a b://c"])
def test_paths_are_no_addresses(text):
    assert address_fault(text) is None and input_path(text) == Path(text)


def test_what_can_be_read_once_only_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link.mp4"):
        assert special_fault(tmp_path / name) == f"{tmp_path / name}: a pipe is not read; give a file"
    assert "a device" in (special_fault(Path("/dev/null")) or "")
    assert "standard input" in (special_fault(Path("-")) or "")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        assert "a socket" in (special_fault(tmp_path / "s") or "")


def test_files_folders_and_what_is_absent_are_left_to_the_readers(tmp_path):
    (tmp_path / "a").touch()
    assert [special_fault(p) for p in (tmp_path, tmp_path / "a", tmp_path / "b", tmp_path / "a" / "c")] == [None] * 4


def test_an_empty_name_is_no_output():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", type=output_path)
    assert parser.parse_args(["-o", "a/"]).o == Path("a")
    with pytest.raises(SystemExit):
        parser.parse_args(["-o", ""])


def test_a_file_is_not_called_a_folder_that_is_not_there(tmp_path):
    (tmp_path / "clips.tsv").touch()
    check_folder(tmp_path, "a folder")
    with pytest.raises(InputError, match="none: no such folder; give a data set"):
        check_folder(tmp_path / "none", "a data set")
    with pytest.raises(InputError, match="is a file; give a data set") as caught:
        check_folder(tmp_path / "clips.tsv", "a data set")
    assert str(caught.value).endswith(f"(it lies in {tmp_path})")
