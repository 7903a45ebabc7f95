import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from skeletor.support.errors import InputError
from slt.data import layout
from slt.data.check import check
from slt.data.statistics import PUBLISHED, figures
from slt.video import write_video

SHARED = Path(__file__).parents[4] / "shared" / "data" / "phoenix14t_annotations"


def pictures(top: Path, split: str, name: str) -> Path:
    return top / "PHOENIX-2014-T" / "features" / layout.FEATURES / split / name


@pytest.mark.parametrize("level", ["", "1"])
@pytest.mark.parametrize("below", ["", "PHOENIX-2014-T"])
@pytest.mark.parametrize("depth", ["quick", "all"])
def test_a_whole_release_is_sound(release, level, below, depth) -> None:
    found = check(release(level) / below, depth)
    assert found.sound, found.problems
    assert {s: f.clips for s, f in found.splits.items()} == {"train": 2, "dev": 1, "test": 1}
    assert {s: p.frames for s, p in found.pictures.items()} == {"train": 7, "dev": 3, "test": 3}
    assert found.pictures["train"].sizes == {"210x260": 7 if depth == "all" else 4}
    assert found.notes[0].startswith("not as published (in brackets): train has 2 clips (7,096), 6 words (99,081)")


def test_what_the_splits_share(release) -> None:
    splits = check(release()).splits
    assert splits["test"].clips_also_in == {"train": 1, "dev": 0} and splits["test"].speakers == {"Signer02": 1}
    assert splits["train"].words.running == 6 and splits["train"].words.singletons == 6
    assert splits["test"].glosses.unknown == 1 and splits["test"].words.unknown == 0
    assert splits["dev"].words.per_clip.longest == 3


def test_the_variant_of_the_annotation_is_read_beside_the_plain_one(release) -> None:
    found = check(release())
    assert found.splits["train"].glosses.running == 4
    assert found.variants["train-complex-annotation"].glosses.running == 6
    assert list(found.variants) == ["train-complex-annotation"]


def test_each_kind_of_damage_is_found_where_it_is(release) -> None:
    top = release()
    shutil.rmtree(pictures(top, "test", "tagesschau-4"))
    one, two = pictures(top, "train", "heute-1"), pictures(top, "train", "heute-2")
    (two / "images0003.png").unlink()
    (two / "images0004.png").write_bytes((two / "images0001.png").read_bytes()[:-100])
    shutil.copytree(one, pictures(top, "dev", "heute-1"))
    for frame in pictures(top, "dev", "tagesschau-3").iterdir():
        frame.unlink()
    found = check(top)
    assert not found.sound
    assert list(found.problems) == ["no_pictures", "empty", "unreadable", "gaps", "several_splits"]
    assert found.problems["no_pictures"] == ["test/tagesschau-4"]
    assert found.problems["empty"][0].endswith("dev/tagesschau-3")
    assert "heute-2/images0004.png: breaks off" in found.problems["unreadable"][0]
    assert "1 missing before the last one: 3" in found.problems["gaps"][0]
    assert found.problems["several_splits"] == ["heute-1: pictures in train, dev"]
    assert any("dev: 1 clips with pictures that the annotation does not name, as heute-1" in n for n in found.notes)


def test_a_damaged_frame_in_the_middle_needs_every_frame(release) -> None:
    top = release()
    (pictures(top, "dev", "tagesschau-3") / "images0002.png").write_bytes(b"")
    assert check(top, "quick").sound and list(check(top, "all").problems) == ["unreadable"]


def test_frames_of_another_size(release) -> None:
    found = check(release(size=(64, 80)))
    assert len(found.problems["sizes"]) == 4 and "64x80 in 2 of 2" in found.problems["sizes"][0]


def test_pictures_under_another_name(release, caplog) -> None:
    top = release(features="fullFrame-64x80px", size=(64, 80))
    found = check(top)
    assert found.sound and any("say otherwise in corpus.json" in note for note in found.notes)
    shutil.copytree(found.place.pictures, found.place.pictures.with_name("trackedRightHand-92x132px"))
    with pytest.raises(InputError, match="several folders of pictures"):
        check(top)


def test_clips_in_several_splits(release) -> None:
    top = release()
    corpus = layout.read_corpus(top)
    layout.write_annotation(corpus.root, "dev", [*corpus.split("dev"), corpus.split("train")[0]])
    assert check(top).problems["several_splits"] == ["heute-1: annotation in train, dev"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [("x|y", "2 fields"), ("../x|x|-1|-1|s|A|b", "name of a clip"), ("heute-1|x|-1|-1|s|A|b", "twice"),
     ("heute-9|x|-1|-1|s|A|", "no sentence")],
)  # fmt: skip
def test_faults_of_the_annotation_are_listed_and_the_rest_is_counted(release, line, reason) -> None:
    top = release()
    path = layout.annotation_path(top / "PHOENIX-2014-T", "train")
    path.write_text(path.read_text(encoding="utf-8") + line + "\n\n", encoding="utf-8")
    found = check(top)
    assert reason in found.problems["annotation"][0] and path.name in found.problems["annotation"][0]
    assert found.splits["train"].clips == 2 + (reason == "no sentence")


def test_a_split_without_annotation_and_a_release_without_pictures(release) -> None:
    top = release()
    layout.annotation_path(top / "PHOENIX-2014-T", "dev").unlink()
    shutil.rmtree(top / "PHOENIX-2014-T" / "features")
    found = check(top)
    assert list(found.problems) == ["annotation", "pictures"] and "dev.corpus.csv: missing" in str(found.problems)
    assert found.pictures == {} and set(found.splits) == {"train", "test"}


@pytest.mark.parametrize("below", ["annotations", "annotations/manual"])
def test_annotation_alone_is_sound_without_pictures(release, below) -> None:
    found = check(release() / "PHOENIX-2014-T" / below)
    assert found.sound and found.place.alone and found.place.pictures is None and found.splits["train"].clips == 2


def test_no_annotation_at_all(tmp_path) -> None:
    with pytest.raises(InputError, match="no annotations/manual"):
        check(tmp_path)


def test_a_rendered_corpus_may_lack_pictures(tmp_path) -> None:
    for split in layout.SPLITS:
        layout.write_annotation(tmp_path, split, [layout.Clip(f"{split}-1", split, None, "s", ("A",), "a .")])
    layout.write_description(tmp_path, layout.Description(kind="rendered", y_scale=1.0))
    file = layout.features_path(tmp_path, "dev") / "dev-1.mp4"
    write_video(file, [np.zeros((32, 48, 3), np.uint8)] * 5, 25.0)
    found = check(tmp_path)
    assert found.sound and found.pictures["dev"].frames == 5
    assert len(found.notes) == 1 and found.notes[0].startswith("2 clips have no pictures")


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/phoenix14t_annotations is absent")
def test_the_real_annotation_has_the_published_figures() -> None:
    found = check(SHARED)
    assert found.sound and found.notes == ()
    for split, own in found.splits.items():
        published = PUBLISHED[split]
        assert (own.clips, own.words.running, own.words.different) == (
            published.clips, published.words, published.vocabulary
        )  # fmt: skip
    assert [own.glosses.different for own in found.splits.values()] == [1085, 393, 411]
    assert found.splits["test"].clips_also_in["train"] == 32
    assert all(len(own.speakers) == 9 for own in found.splits.values())


def test_figures_of_nothing() -> None:
    assert figures([]) == {}


def test_clips_in_another_kind_of_video_count_and_other_files_are_named(release) -> None:
    top = release()
    folder = pictures(top, "test", "tagesschau-4")
    shutil.rmtree(folder)
    write_video(folder.with_suffix(".avi"), [np.zeros((260, 210, 3), np.uint8)] * 3, 25)
    found = check(top)
    assert found.sound, found.problems
    folder.with_suffix(".avi").rename(folder.with_suffix(".zip"))
    found = check(top)
    assert found.problems["no_pictures"] == ["test/tagesschau-4"]
    assert any("1 files that are neither videos nor folders of frames, as tagesschau-4.zip" in n for n in found.notes)


def test_umlauts_written_in_two_ways_are_one_name(release) -> None:
    top = release()
    annotation = layout.annotation_path(top / "PHOENIX-2014-T", "dev")
    text = annotation.read_text(encoding="utf-8").replace("tagesschau-3", "märz-3")
    annotation.write_text(unicodedata.normalize("NFC", text), encoding="utf-8")
    pictures(top, "dev", "tagesschau-3").rename(pictures(top, "dev", unicodedata.normalize("NFD", "märz-3")))
    found = check(top)
    assert found.sound and not any("does not name" in note for note in found.notes)
