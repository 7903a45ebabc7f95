"""Files of many skeletons become a data set: each clip in a file of its own, with its sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skeletor.io.formats import read_pose, read_poses
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.cli.corpora.data import main
from slt.data.check import check
from slt.data.importers.write import import_data
from slt.data.own import describe, read_own
from slt.estimators.pose_files import PosesEstimator
from tests.slt.data.importers import trees


@pytest.mark.parametrize("kind", ["slrtp", "skels"])
def test_each_clip_has_its_split_sentence_glosses_and_poses(tmp_path: Path, kind: str) -> None:
    source, root = getattr(trees, kind)(tmp_path / "given" / "deep"), tmp_path / "made"
    made = import_data(kind, source.parent, root)
    assert made.splits == {"train": 2, "dev": 2, "test": 2, "": 0} and "--estimator poses" in made.notes[0]
    assert check(root).problems == {}
    clips = {clip.name: clip for clip in read_own(root).clips}
    clip = clips["01April_2010_dev-1"]
    assert (clip.split, clip.text, clip.glosses) == ("dev", "morgen regen 1 .", ("MORGEN", "REGEN"))
    assert clip.speaker == ("Signer01" if kind == "slrtp" else "")
    assert clip.source == root / "poses" / "dev" / "01April_2010_dev-1.safetensors"
    assert (describe(root).fps, describe(root).language) == (25, "de")
    flat = PosesEstimator()(clip.source)
    assert (len(flat), flat.dims, flat.skeleton) == (13, 2, SIGNING_50)


@pytest.mark.parametrize(("kind", "file"), [("slrtp", "phix_test.pt"), ("skels", "test.skels")])
def test_poses_are_those_of_the_file_with_all_three_axes(tmp_path: Path, kind: str, file: str) -> None:
    source = getattr(trees, kind)(tmp_path / "given")
    import_data(kind, source, tmp_path / "made")
    for name, pose in read_poses(source / file).items():
        copy = read_pose(tmp_path / "made" / "poses" / f"{name}.safetensors")
        np.testing.assert_array_equal(copy.keypoints, pose.keypoints)
        assert copy.skeleton == pose.skeleton and copy.fps == pose.fps


def test_without_sentences_it_says_so_and_with_too_few_it_refuses(tmp_path: Path) -> None:
    source = trees.skels(tmp_path / "given")
    (source / "dev.text").unlink()
    assert "2 clips have no sentence" in import_data("skels", source, tmp_path / "made").notes
    (source / "test.text").write_text("morgen .\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"test\.text: 1 lines, but test\.skels has 2 clips"):
        import_data("skels", source, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_nothing_there_and_a_split_twice_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no train\.pt, dev\.pt or test\.pt"):
        import_data("slrtp", tmp_path, tmp_path / "made")
    source = trees.slrtp(tmp_path / "given")
    (source / "train.pt").write_bytes((source / "phix_train.pt").read_bytes())
    with pytest.raises(InputError, match="are both train"):
        import_data("slrtp", source, tmp_path / "made")


def test_a_second_time_replaces_and_the_command_names_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = trees.skels(tmp_path / "given")
    for more in ([], ["--force"]):
        assert main("data", ["import", "skels", str(source), str(tmp_path / "made"), *more], "") == 0
        said = capsys.readouterr().out
        assert "6 clips; train 2, dev 2, test 2" in said and "--estimator poses" in said


@pytest.mark.skipif(not Path("../shared/data/phoenix14t_skels").is_dir(), reason="../shared is not here")
def test_the_public_files_themselves(tmp_path: Path) -> None:
    made = import_data("skels", "../shared/data/phoenix14t_skels", tmp_path)
    assert made.splits == {"train": 5, "dev": 5, "test": 0, "": 0}
    clip = read_own(tmp_path).clips[0]
    assert clip.text and clip.glosses and len(read_pose(clip.source)) > 10
