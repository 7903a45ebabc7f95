from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.data.frames import check_clip, fingerprint, number_faults, picture_size
from slt.data.layout import Clip, Corpus, Description, read_corpus
from slt.video import write_video

PICTURE = np.random.default_rng(0).integers(0, 255, (26, 21, 3), np.uint8)
PNG = cv2.imencode(".png", PICTURE)[1].tobytes()


def names(*numbers: int) -> list[Path]:
    return [Path(f"images{k:04d}.png") for k in numbers]


@pytest.mark.parametrize(("data", "reason"), [
    (b"", "empty"), (b"hello", "cannot be decoded"), (PNG[:5], "cannot be decoded"),
    (PNG[:-30], "breaks off"), (PNG[:60] + b"\0" + PNG[61:], "check sum"),
])  # fmt: skip
def test_a_bad_picture_is_one_line_and_opencv_is_quiet(tmp_path, capfd, data, reason) -> None:
    file = tmp_path / "images0001.png"
    file.write_bytes(data)
    with pytest.raises(InputError, match=reason) as caught:
        picture_size(file)
    assert str(file) in str(caught.value) and capfd.readouterr().err == ""


def test_pictures_of_other_kinds(tmp_path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), PICTURE)
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    (tmp_path / "c.png").mkdir()
    (tmp_path / "d.png").write_bytes(cv2.imencode(".webp", PICTURE)[1].tobytes())  # as the reader takes it
    assert picture_size(tmp_path / "a.jpg") == picture_size(tmp_path / "d.png") == (21, 26)
    for name in ("b.jpg", "c.png"):
        with pytest.raises(InputError, match=name):
            picture_size(tmp_path / name)


@given(st.sets(st.integers(0, 300), min_size=2))
def test_missing_numbers_are_counted(numbers: set[int]) -> None:
    first = min(1, *numbers)
    missing = len(set(range(first, max(numbers))) - numbers)
    faults = number_faults(names(*sorted(numbers)))
    assert faults == [] if missing == 0 else faults[0].startswith(f"{missing} missing")


def test_numbers_in_words() -> None:
    assert number_faults(names(1, 2, 5, 7)) == ["3 missing before the last one: 3-4, 6"]
    assert number_faults(names(4)) == ["3 missing before the last one: 1-3"]
    assert number_faults([Path("images1.png"), Path("images01.png"), Path("images2.png")]) == ["number 1 2 times"]
    assert number_faults([Path(f"01April_2010_pid0_fn{k:06d}-0.png") for k in range(4)]) == [], "as in PHOENIX 2014"
    assert number_faults([Path("a.png"), Path("b1.png")]) == number_faults([Path("a1b2.png"), Path("a2b3.png")]) == []


def test_a_clip_is_decoded_wholly_or_at_its_ends(release) -> None:
    clip = read_corpus(release("1")).split("train")[0]
    (clip.source / "images0002.png").write_bytes(PNG)
    assert clip.source.name == "1"
    quick, whole = check_clip(clip, "quick"), check_clip(clip, "all")
    assert quick.frames == whole.frames == 3 and quick.faults == whole.faults == ()
    assert quick.sizes == {(210, 260): 2} and whole.sizes == {(210, 260): 2, (21, 26): 1}


def test_a_video_is_a_clip_too(tmp_path) -> None:
    clip = Clip("a", "dev", tmp_path / "a.mp4", "s", (), "a .")
    write_video(clip.source, [np.zeros((32, 48, 3), np.uint8)] * 5, 25.0)
    for depth in ("quick", "all"):
        assert (check_clip(clip, depth).frames, check_clip(clip, depth).faults) == (5, ())
    clip.source.write_bytes(clip.source.read_bytes()[:300])
    assert [kind for kind, _ in check_clip(clip, "quick").faults] == ["unreadable"]


def test_the_fingerprint_tells_changes_of_words_and_of_pictures_but_not_of_place(release) -> None:
    top = release()
    corpus = read_corpus(top)
    before = fingerprint(corpus)
    moved = top.rename(top.with_name("elsewhere"))
    assert fingerprint(read_corpus(moved)) == before
    words = replace(corpus, clips=(*corpus.clips[:-1], replace(corpus.clips[-1], text="anders .")))
    frame = sorted(read_corpus(moved).clips[0].source.iterdir())[-1]
    data = frame.read_bytes()
    frame.write_bytes(data[:-1])
    shorter = fingerprint(read_corpus(moved))
    frame.unlink()
    assert len({before, fingerprint(words), shorter, fingerprint(read_corpus(moved))}) == 4


def test_json_of_a_folder_counts_by_its_bytes(tmp_path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    (folder / "clip_000000000000_keypoints.json").write_text('{"people": [1]}')
    clip = Clip("clip", "train", folder, "", (), "a")
    corpus = Corpus(tmp_path, Description("own"), (clip,))
    before = fingerprint(corpus)
    (folder / "clip_000000000000_keypoints.json").write_text('{"people": [2]}')
    assert fingerprint(corpus) != before
