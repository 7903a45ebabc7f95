"""Rendered clips as a folder of videos: what `slt data new` takes, and the same again after a kill."""

from __future__ import annotations

import pytest

from skeletor.support.errors import InputError
from slt.data.check import check
from slt.data.own_new import SplitPlan, new_table
from slt.synthetic.build import CorpusConfig
from slt.synthetic.videos import render_videos
from slt.video import open_video

pytestmark = pytest.mark.usefixtures("forked_workers")

CONFIG = CorpusConfig(train=1, dev=1, test=2, calibration=2, studio=2, studio_motion=0, negatives=0, fps=5)


def test_they_become_a_data_set_of_ones_own(tmp_path):
    assert render_videos(CONFIG, tmp_path, 1) == 4
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".mp4", ".txt"}
    made = new_table(tmp_path, plan=SplitPlan(train=0.5, dev=0.25, test=0.25))
    assert (made.clips, made.without_text, made.fps) == (4, 0, 5)
    assert dict(made.splits) == {"train": 2, "dev": 1, "test": 1, "": 0}
    found = check(tmp_path, "all", 1)
    assert found.sound, found.problems
    lines = (tmp_path / "clips.tsv").read_text().splitlines()
    assert not any(line.endswith(" .") for line in lines) and all("/" in line for line in lines[1:])


def test_what_is_there_is_kept_and_what_was_lost_is_the_same_again(tmp_path):
    render_videos(CONFIG, tmp_path, 1)
    first, second, *_ = sorted(tmp_path.rglob("*.mp4"))
    before, age = first.read_bytes(), second.stat().st_mtime_ns
    first.unlink()
    render_videos(CONFIG, tmp_path, 1)
    with open_video(first) as video:
        assert video.frame_count > 1
    assert first.read_bytes() == before and second.stat().st_mtime_ns == age
    assert sorted(path.suffix for path in tmp_path.rglob("*") if path.is_file()) == [".mp4"] * 4 + [".txt"] * 4


def test_a_video_is_not_kept_beside_another_sentence(tmp_path):
    """As of another seed, or one's own: the sentence would be written anew, and the video would stay."""
    render_videos(CONFIG, tmp_path, 1)
    one, *others = sorted(tmp_path.rglob("*.txt"))
    one.write_text("etwas anderes\n", encoding="utf-8")
    others[0].with_suffix(".mp4").unlink()
    for _ in range(2):
        with pytest.raises(InputError, match=rf"{one.stem}\.mp4: is there already, with another sentence"):
            render_videos(CONFIG, tmp_path, 1)
        assert not others[0].with_suffix(".mp4").exists(), "told before anything is rendered"
        one.unlink(missing_ok=True)
