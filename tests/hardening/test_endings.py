"""What is said of the endings of commands, and of what they leave."""

import json
from pathlib import Path

from tests.hardening import endings
from tests.hardening.children import Finished


def test_endings_that_are_wrong() -> None:
    good = Finished(2, "", "slt: a.mp4: cannot be written\n", 1.0)
    assert endings.wrong_ending(good, 2) == ""
    assert "exit 2, not 0" in endings.wrong_ending(good, 0)
    assert "Traceback" in endings.wrong_ending(Finished(2, "", "Traceback (most recent call last):\n  x\n", 1.0), 2)
    assert "unexpected" in endings.wrong_ending(Finished(2, "", "slt: unexpected OSError: x\n", 1.0), 2)
    assert "without a word" in endings.wrong_ending(Finished(2, "", "", 1.0), 2)
    assert "left running" in endings.wrong_ending(Finished(0, "", "", 1.0, ("77",)), 0)


def test_partial_temporary_and_other_files_are_seen(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1')
    assert "a.json" in endings.partial_files(tmp_path, {})
    assert endings.partial_files(tmp_path, {"a.json": b'{"a": 1'}) == ""
    assert endings.differing(tmp_path, {"a.json": b"{}"}) == "1 files with other bytes: a.json"
    assert "1 files missing: b" in endings.differing(tmp_path, {"a.json": b'{"a": 1', "b": b""})
    (tmp_path / ".b.77.tmp.json").write_text("x")
    assert endings.temporary_files(tmp_path) == [".b.77.tmp.json"]
    (tmp_path / "a.json").unlink()
    (tmp_path / "c.safetensors").write_bytes(b"12345678")
    assert "c.safetensors" in endings.partial_files(tmp_path, {})


def test_digests_of_files_that_tell_times_do_not_count_and_others_do(tmp_path: Path) -> None:
    told = {"bytes": 9, "files": {"model/train.log": "a", "refiner.jsonl": "b", "weights.safetensors": "c"}}
    (tmp_path / "files.json").write_text(json.dumps(told))
    expected = endings.contents(tmp_path)
    told["files"] = {"model/train.log": "x", "refiner.jsonl": "y", "weights.safetensors": "c"}
    (tmp_path / "files.json").write_text(json.dumps(told, indent=1))
    assert endings.differing(tmp_path, expected) == ""
    told["files"] = {"model/train.log": "a", "refiner.jsonl": "b", "weights.safetensors": "z"}
    (tmp_path / "files.json").write_text(json.dumps(told))
    assert endings.differing(tmp_path, expected) == "1 files with other bytes: files.json"
    (tmp_path / "files.json").write_text('{"bytes": 9, "fil')
    assert endings.differing(tmp_path, expected) == "1 files with other bytes: files.json"


def test_of_unsteady_work_the_files_have_to_be_there_and_whole(tmp_path: Path) -> None:
    expected = {"talk.vtt": b"WEBVTT\n\none\n"}
    assert "missing" in endings.lacking(tmp_path, expected, False)
    (tmp_path / "talk.vtt").write_text("WEBVTT\n\nanother\n")
    assert endings.lacking(tmp_path, expected, False) == "" and "other bytes" in endings.lacking(
        tmp_path, expected, True
    )
    (tmp_path / "talk.vtt").write_text("WEBVTT\n\nanot")
    assert "partial file talk.vtt" in endings.lacking(tmp_path, expected, False)
