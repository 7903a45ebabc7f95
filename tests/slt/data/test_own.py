"""A folder with a table of clips is a corpus; whatever is wrong with the table is one line with its number."""

import json
import os
import unicodedata

import numpy as np
import pytest

from skeletor.support.errors import InputError
from slt.data import layout
from slt.data.frames import fingerprint
from slt.data.own import is_own, read_own, read_table
from tests.slt.data.own_sets import HEAD, sound_set, write_lines, write_poses

ROW = ("a", "train", "anna", "", "Hello")


def test_it_is_the_same_kind_of_corpus_and_layout_knows_it(tmp_path):
    root = sound_set(tmp_path / "mine")
    corpus = layout.read_corpus(root)
    assert isinstance(corpus, layout.Corpus) and corpus == read_own(root) and corpus.root == root
    assert [len(corpus.split(split)) for split in layout.SPLITS] == [2, 1, 1]
    assert corpus.description.kind == "own" and not corpus.description.synthetic and not corpus.protocol
    assert (corpus.description.y_scale, corpus.description.fps) == (1.0, 25.0)
    clip = corpus.clips[0]
    assert (clip.name, clip.split, clip.speaker, clip.glosses) == (
        "train-0",
        "train",
        "train-signer",
        ("HELLO", "WORLD"),
    )
    assert clip.source == root / "videos" / "train-0.safetensors"
    assert is_own(root) and not is_own(tmp_path) and layout.annotation_folder(root) == root


@pytest.mark.parametrize(
    "text",
    ["Über GROSS und klein .", "明日は雨が降るでしょう。", "गरज के साथ", "مرحبا بالعالم", "one. Two? “Three”!",
     'he said "yes"', '"quoted"', "l'été | ; ,"],
)  # fmt: skip
def test_text_is_taken_as_it_is(tmp_path, text):
    write_lines(tmp_path, ("a", "train", "", "", unicodedata.normalize("NFD", text)), ("b", "dev", "", "", "x"))
    assert read_own(tmp_path).clips[0].text == unicodedata.normalize("NFC", text)


def test_lines_of_tabs_alone_are_no_clips(tmp_path):
    write_lines(tmp_path, ROW, ("", " ", "", "", ""), ("b", *ROW[1:]), ("",) * 5, ("",) * 9)
    assert [clip.name for clip in read_own(tmp_path).clips] == ["a", "b"]


def test_columns_without_a_name_may_be_empty_and_hold_nothing(tmp_path):
    write_lines(tmp_path, ("a", "train", "x", "", ""), head=("name", "split", "text", "", ""))
    table = read_table(tmp_path)
    assert table.columns == ("name", "split", "text") and not table.faults and "" not in table.entries[0].cells
    write_lines(tmp_path, ("a", "train", "x", "", "y"), head=("name", "split", "text", "", ""))
    with pytest.raises(InputError, match="column 5 has no name"):
        read_table(tmp_path)


def test_spaces_are_single_and_optional_columns_may_be_absent(tmp_path):
    write_lines(tmp_path, (" Hello   world. ", "b", "dev"), head=("Text", "NAME", "Split"))
    (clip,) = read_own(tmp_path).clips
    assert (clip.text, clip.name, clip.speaker, clip.glosses, clip.source) == ("Hello world.", "b", "", (), None)


@pytest.mark.parametrize("encoded", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_and_pandas_write_is_read(tmp_path, encoded, ends):
    lines = ["name\ttext\tsplit", 'a\t"she said ""no"", twice"\ttrain', "b\tgrün\ttest", ""]
    (tmp_path / "clips.tsv").write_bytes(ends.join(lines).encode(encoded))
    assert [clip.text for clip in read_own(tmp_path).clips] == ['she said "no", twice', "grün"]


@pytest.mark.parametrize("place", ["{n}.mp4", "{n}.avi", "{n}/a.png", "{n}/1/a.png", "{n}.pose", "{n}.safetensors"])
@pytest.mark.parametrize("below", ["", "videos"])
def test_the_usual_places_of_a_clip(tmp_path, place, below):
    write_lines(tmp_path, ROW)
    file = tmp_path / below / place.format(n="a")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    source = read_own(tmp_path).clips[0].source
    assert source == (file.parent if file.suffix == ".png" else file)


def test_videos_come_before_poses_and_the_folder_videos_first(tmp_path):
    write_lines(tmp_path, ROW)
    for name in ("a.pose", "a.mp4", "videos/a.pose", "videos/a.webm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        assert read_own(tmp_path).clips[0].source == tmp_path / name


def test_the_column_video_names_the_place(tmp_path):
    head = (*HEAD, "video")
    write_lines(tmp_path, (*ROW, "takes/x  y.mp4"), ("b", *ROW[1:], "gone.mp4"), ("c", *ROW[1:], ""), head=head)
    (tmp_path / "takes").mkdir()
    (tmp_path / "takes" / "x  y.mp4").touch()
    (tmp_path / "c.mp4").touch()
    sources = [clip.source for clip in read_own(tmp_path).clips]
    assert sources == [tmp_path / "takes" / "x  y.mp4", None, tmp_path / "c.mp4"]


def test_corpus_json_tells_rate_and_licence(tmp_path):
    write_lines(tmp_path, ROW)
    (tmp_path / "corpus.json").write_text(
        json.dumps({"fps": 12, "y_scale": 1.5, "licence": "CC0", "language": "zh-Hans"})
    )
    about = read_own(tmp_path).description
    assert (about.fps, about.y_scale, about.licence, about.language) == (12, 1.5, "CC0", "zh-Hans")
    for text in ('{"fps": 0}', '{"frames": 2}', "[1]", "{", '{"fps": NaN}', '{"language": "in German"}'):
        (tmp_path / "corpus.json").write_text(text)
        with pytest.raises(InputError, match=r"corpus\.json"):
            read_own(tmp_path)


def test_the_fingerprint_tells_changes(tmp_path):
    root = sound_set(tmp_path)
    prints = {fingerprint(read_own(root))}
    write_poses(root / "videos" / "dev-0.safetensors", frames=9)
    prints.add(fingerprint(read_own(root)))
    write_poses(root / "videos" / "dev-0.safetensors", frames=9, seed=7)  # other poses, as many bytes
    prints.add(fingerprint(read_own(root)))
    table = root / "clips.tsv"
    table.write_text(table.read_text().replace("Hello, dev-0", "HELLO, dev-0"))
    prints.add(fingerprint(read_own(root)))
    assert len(prints) == 4


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("b", "train", "x", ""), "4 fields, but the head line has 5"),
        (("b", "train", "x", "", "y", "z"), "6 fields"),
        (ROW, "stands in line 2 already"),
        (("", *ROW[1:]), "no name"),
        (("../b", *ROW[1:]), "cannot be the name"),
        (("/b", *ROW[1:]), "cannot be the name"),
        ((".b", *ROW[1:]), "cannot be the name"),
        (("b\\c", *ROW[1:]), "cannot be the name"),
        (("b\x07", *ROW[1:]), "cannot be the name"),
        (("b" * 201, *ROW[1:]), "longer than 200 bytes"),
        (("\u200b", *ROW[1:]), "no name"),
        (("b\u200b", *ROW[1:]), "control or invisible characters"),
        (("\u202eb", *ROW[1:]), "control or invisible characters"),
        (("# b", *ROW[1:]), "a # before a line does not take it out"),
        (("b", "train", "", "", "\u200b \ufeff"), "clip b has no text"),
        (("b", "train", "", "", "rain \x1b[31m"), r"a control character \(U\+001B\)"),
        (("b", "train", "", "", "the <unk> rains"), "'<unk>', which the translator has for itself"),
        (("b", "validation", "", "", "y"), "'validation' is none of train, dev, test"),
        (("b", "train", "", "", " "), "clip b has no text"),
        (("b", "", "", "", "y"), "clip b has no split"),
    ],
)
def test_a_bad_line_is_named_by_its_number(tmp_path, row, reason):
    path = write_lines(tmp_path, ROW, row)
    with pytest.raises(InputError, match=reason) as caught:
        read_own(tmp_path)
    assert str(caught.value).startswith(f"{path}: line 3: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "video", ["../x.mp4", "/etc/passwd", "videos/../../x.mp4", "out.mp4", "out/x.mp4", ".", "round"]
)
def test_no_video_out_of_the_folder(tmp_path, video):
    root = tmp_path / "mine"
    write_lines(root, (*ROW, video), head=(*HEAD, "video"))
    (tmp_path / "x.mp4").touch()
    (root / "out.mp4").symlink_to(tmp_path / "x.mp4")
    (root / "out").symlink_to(tmp_path)
    (root / "round").symlink_to(root / "round")
    if video == "round" and read_table(root).faults == ():  # a circle is no fault since Python 3.13, but no file either
        assert read_own(root).clips[0].source is None
        return
    with pytest.raises(InputError, match=r"line 2: .*(leads out|outside|followed)"):
        read_own(root)


def test_no_video_out_of_the_folder_at_the_usual_places_either(tmp_path):
    write_lines(tmp_path / "mine", ROW)
    (tmp_path / "a.mp4").touch()
    (tmp_path / "mine" / "a.mp4").symlink_to(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=r"line 2: .*outside"):
        read_own(tmp_path / "mine")


def test_a_rate_that_only_folders_would_need_is_assumed_and_told(tmp_path, caplog):
    write_lines(tmp_path, ROW)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "0.png").touch()
    assert read_own(tmp_path).description.fps == 25
    (told,) = caplog.messages
    assert told.startswith(f"{tmp_path / 'clips.tsv'}: line 2: {tmp_path / 'a'} is a folder, which tells no frame rate")
    (tmp_path / "corpus.json").write_text('{"fps": 25}')
    read_own(tmp_path)
    assert len(caplog.messages) == 1


def test_parts_in_two_splits_that_overlap_are_refused(tmp_path):
    write_poses(tmp_path / "p.safetensors", frames=100)
    for end, refused in (("2.5", True), ("2", False)):
        lines = [
            ("a", "train", "", "", "x", "p.safetensors", "0", end),
            ("b", "test", "", "", "y", "p.safetensors", "2", ""),
        ]
        write_lines(tmp_path, *lines, head=(*HEAD, "video", "start", "end"))
        if refused:
            with pytest.raises(InputError, match=r"line 3: clip b has time in common with line 2.*test and train"):
                read_own(tmp_path)
        else:
            assert len(read_own(tmp_path).clips) == 2


def test_the_fingerprint_tells_other_times(tmp_path):
    marks = set()
    for times in (("", ""), ("0", "2"), ("0", "3"), ("1", "3")):
        write_lines(tmp_path, (*ROW, *times), head=(*HEAD, "start", "end"))
        marks.add(fingerprint(read_own(tmp_path)))
    assert len(marks) == 4


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"name\tsplit\na\ttrain\n", "line 1: no column 'text'"),
        (b"text\tsplit\na\ttrain\n", "line 1: no column 'name'"),
        (b"name,text\na,b\n", "put tabs between columns"),
        (b"name\ttext\tname\na\tb\tc\n", "two columns are called 'name'"),
        (b"name\ttext\n", "no clips in it"),
        ("name\ttext\tsplit\na\tgrün\ttrain\n".encode("latin-1"), "not UTF-8"),
        (b"\xff\xfen", "not UTF-8"),
        (b"name\ttext\tsplit\na\tb\ttrain\nc\x00\td\tdev\n", "line 3: a NUL byte"),
        (b"name\ttext\tsplit\na\t" + b"b " * 40_000 + b"\ttrain\n", "line 2: longer than 65,536"),
        (b"name\ttext\na\tb\n", "no clip has a split"),
        (np.random.default_rng(0).bytes(3000), "clips.tsv"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "clips.tsv"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(tmp_path, data, reason):
    (tmp_path / "clips.tsv").write_bytes(data)
    with pytest.raises(InputError, match=reason) as caught:
        layout.read_corpus(tmp_path)
    assert "clips.tsv" in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_what_is_no_file_and_what_is_endless(tmp_path, monkeypatch):
    (tmp_path / "a" / "clips.tsv").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    os.mkfifo(tmp_path / "b" / "clips.tsv")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "clips.tsv").symlink_to("nowhere")
    for folder in "abc":
        with pytest.raises(InputError, match="is no file"):
            layout.read_corpus(tmp_path / folder)
    monkeypatch.setattr("slt.data.own._LARGEST", 10)
    with pytest.raises(InputError, match="larger than"):
        read_own(sound_set(tmp_path / "d"))


def test_damaged_tables_give_a_corpus_or_one_line(tmp_path):
    """Bytes exchanged, lost and doubled at random."""
    path = sound_set(tmp_path) / "clips.tsv"
    sound = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(sound)
        for _ in range(rng.integers(1, 6)):
            at, kind = int(rng.integers(len(data))), rng.integers(3)
            new = bytes([int(rng.choice([0, 9, 10, 13, 34, 46, 47, 0xC3, 0xFF, int(rng.integers(256))]))])
            data[at : at + (kind != 1)] = b"" if kind == 0 else new
        path.write_bytes(data)
        try:
            corpus = read_own(tmp_path)
        except InputError as error:
            assert "\n" not in str(error) and str(error).startswith(str(path))
        else:
            names = [clip.name for clip in corpus.clips]
            assert len(set(names)) == len(names) and all(clip.text and clip.split for clip in corpus.clips)
            assert all(clip.source is None or clip.source.is_relative_to(tmp_path) for clip in corpus.clips)


def test_isolated_signs_need_a_gloss_or_a_text(tmp_path):
    lines = [("a", "train", "HOUSE", ""), ("b", "dev", "", "tree"), ("c", "test", "NEW YORK", "big city")]
    write_lines(tmp_path, *lines, head=("name", "split", "glosses", "text"))
    assert [clip.text for clip in read_own(tmp_path, signs=True).clips] == ["HOUSE", "tree", "NEW YORK"]
    with pytest.raises(InputError, match="clip a has no text"):
        read_own(tmp_path)
    write_lines(tmp_path, ("a", "train", "HOUSE"), ("b", "dev", ""), head=("name", "split", "glosses"))
    with pytest.raises(InputError, match="clip b has neither gloss nor text"):
        read_own(tmp_path, signs=True)


@pytest.mark.parametrize(
    ("written", "file"),
    [
        ("videos\\a.mp4", "a.mp4"), ("videos/a.MP4", "a.mp4"), ("a.mp4", "a.mp4"), ("./videos/a.mp4", "a.mp4"),
        ("videos/gru\u0308n.mp4", "gr\u00fcn.mp4"), ("videos/gr\u00fcn.mp4", "gru\u0308n.mp4"),
    ],
)  # fmt: skip
def test_a_video_is_found_however_its_path_is_written(tmp_path, written, file):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / file).touch()
    (tmp_path / "clips.tsv").write_text(f"name\tvideo\tsplit\ttext\n1\t{written}\ttrain\tx\n", encoding="utf-8")
    assert read_own(tmp_path).clips[0].source == tmp_path / "videos" / file


def test_of_two_files_that_are_alike_none_is_taken(tmp_path):
    for name in ("A.mp4", "a.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "clips.tsv").write_text("name\tvideo\tsplit\ttext\n1\ta.MP4\ttrain\tx\n", encoding="utf-8")
    assert read_own(tmp_path).clips[0].source is None


@pytest.mark.parametrize(
    "table", ["name\tsplit\ttext\t\na.mp4\ttrain\tx\n", "name\tsplit\ttext\na.mp4\ttrain\tx\t\t\n"]
)
def test_tabs_at_the_end_of_some_lines_are_no_columns(tmp_path, table):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "clips.tsv").write_text(table, encoding="utf-8")
    (clip,) = read_own(tmp_path).clips
    assert (clip.text, clip.source) == ("x", tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["CLIPS.TSV", "clips.csv", "clips.tsv.txt"])
def test_a_table_of_another_name_is_named(tmp_path, name):
    (tmp_path / name).write_text("name\tsplit\ttext\n", encoding="utf-8")
    for read in (read_own, layout.read_corpus):
        with pytest.raises(InputError, match=f"{name} lies there: save it as clips.tsv"):
            read(tmp_path)
