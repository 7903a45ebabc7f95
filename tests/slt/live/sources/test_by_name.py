"""Which sources go on while nobody reads them."""

import os

from slt.live.sources.by_name import goes_on


def test_a_file_waits_and_so_does_what_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film.ts").write_bytes(b"film")
    (tmp_path / "7").write_bytes(b"film")
    os.mkfifo(tmp_path / "pipe")
    assert goes_on("-") and goes_on("pipe") and goes_on("/dev/null")
    assert not any(map(goes_on, ("film.ts", "7", ".", "none", "/dev/video77", "a\0b")))
    monkeypatch.setattr("sys.platform", "linux")
    assert not goes_on("77"), "the second camera is not there"
    monkeypatch.setattr("sys.platform", "darwin")
    assert goes_on("77"), "nobody knows"
