"""What is made once for all processes of a suite."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.once import made_once


def test_of_those_that_ask_together_one_makes_it(tmp_path: Path) -> None:
    calls = []

    def make(folder: Path) -> None:
        calls.append(folder)
        (folder / "a").write_text("whole")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: (made_once(tmp_path / "x", make) / "a").read_text(), range(8)))
    assert found == ["whole"] * 8 and calls == [tmp_path / "x"]


def test_what_failed_is_made_again_from_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        made_once(tmp_path / "x", fail)
    assert not list(made_once(tmp_path / "x", lambda folder: None).iterdir())
