"""Inputs count once, however they are named."""

import logging
import os
from pathlib import Path

import pytest

from slt.cli import main
from slt.shards.inputs import each_once
from slt.shards.plan import read_plan


@pytest.fixture(name="clips")
def _clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (folder / name).write_bytes(b"")
    (folder / "alias.mp4").symlink_to("a.mp4")
    (tmp_path / "again").symlink_to(folder)
    return folder


def test_an_input_by_other_paths_or_links_counts_once_and_is_told(
    clips: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(clips)
    a, b = clips / "a.mp4", clips / "b.mp4"
    others = [Path("a.mp4"), Path("../clips/a.mp4"), clips / "alias.mp4", clips.parent / "again" / "a.mp4"]
    with caplog.at_level(logging.WARNING, "skeletor"):
        assert list(each_once([a, *others, b])) == [a, b]
    (line,) = caplog.messages
    assert line.startswith("a.mp4 and 3 more: named twice")


def test_what_has_the_same_content_or_is_not_there_stays(clips: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.link(clips / "a.mp4", clips / "hard.mp4")
    paths = [
        clips / "a.mp4",
        clips / "hard.mp4",
        clips / "gone.mp4",
        clips / "gone2.mp4",
        Path("/a/b.mp4"),
        Path("b.mp4"),
    ]
    with caplog.at_level(logging.WARNING, "skeletor"):
        assert list(each_once(paths)) == paths
    assert not caplog.messages


def test_two_points_behind_a_link_lead_out_of_what_it_leads_to(
    clips: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (clips / "deep" / "deeper").mkdir(parents=True)
    (clips / "deep" / "a.mp4").write_bytes(b"another one")
    (clips / "link").symlink_to("deep/deeper")
    monkeypatch.chdir(clips)
    other = Path("link/../a.mp4")
    assert other.read_bytes() == b"another one"
    with caplog.at_level(logging.WARNING, "skeletor"):
        assert list(each_once([Path("a.mp4"), other, Path("deep/a.mp4"), Path("."), clips])) == [
            Path("a.mp4"), other, Path(".")
        ]  # fmt: skip
    assert caplog.messages[0].startswith("deep/a.mp4 and 1 more")


def test_slt_shards_plans_each_once(clips: Path, tmp_path: Path) -> None:
    given = [clips / "a.mp4", clips / "alias.mp4", clips / "b.mp4", clips / "a.mp4"]
    with pytest.raises(SystemExit) as end:
        main(["shards", "poses", *map(str, given), "-o", str(tmp_path / "out"), "--dry-run"])
    assert end.value.code in (0, None) and read_plan(tmp_path / "out").inputs == 2
