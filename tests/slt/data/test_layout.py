import unicodedata
from pathlib import Path

import pytest

from skeletor.support.errors import InputError
from slt.data import layout
from slt.data.layout import Clip, Description, read_corpus
from tests.slt.data.own_sets import sound_set

SHARED = Path(__file__).parents[4] / "shared" / "data" / "phoenix14t_annotations"


def write(root: Path, **texts: str) -> None:
    for split in layout.SPLITS:
        clip = Clip(f"{split}-1", split, None, "Signer01", ("REGEN", "NORD"), texts.get(split, "regen im norden ."))
        layout.write_annotation(root, split, [clip])


def test_round_trip_keeps_umlauts_and_the_final_period(tmp_path):
    write(tmp_path, dev="schauer im süden .")
    layout.write_description(tmp_path, Description(kind="rendered", y_scale=1.0, licence="Apache-2.0", seed=3))
    corpus = read_corpus(tmp_path)
    assert corpus.description.kind == "rendered" and corpus.description.y_scale == 1.0
    assert corpus.split("dev")[0].text == "schauer im süden ."
    assert corpus.split("dev")[0].glosses == ("REGEN", "NORD")
    assert "süden\n" in layout.annotation_path(tmp_path, "dev").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", ["{n}/a.png", "{n}/1/a.png", "{n}.mp4"])
def test_pictures_are_found_in_each_layout(tmp_path, place):
    write(tmp_path)
    file = layout.features_path(tmp_path, "dev") / place.format(n="dev-1")
    file.parent.mkdir(parents=True)
    file.touch()
    source = read_corpus(tmp_path).split("dev")[0].source
    assert source == (file if place.endswith("mp4") else file.parent)


def test_the_real_data_set_is_squeezed_unless_said_otherwise(tmp_path):
    write(tmp_path)
    assert read_corpus(tmp_path).description.y_scale == pytest.approx(300 / 260)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a|b\n", "first line"),
        ("name|orth|translation\nx|y\n", "2 fields"),
        ("name|orth|translation\nx|A|b\nx|A|b\n", "twice"),
    ],
)
def test_a_bad_annotation_is_one_line(tmp_path, text, reason):
    write(tmp_path)
    layout.annotation_path(tmp_path, "dev").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_corpus(tmp_path)


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_corpus(tmp_path / "nowhere")


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/phoenix14t_annotations is absent")
def test_the_real_annotation_has_the_published_counts(tmp_path):
    manual = tmp_path / "annotations" / "manual"
    manual.parent.mkdir()
    manual.symlink_to(SHARED)
    corpus = read_corpus(tmp_path)
    assert [len(corpus.split(s)) for s in layout.SPLITS] == [7096, 519, 642]
    assert all(clip.text.endswith(" .") and clip.text.count(" .") == 1 for clip in corpus.clips[:100])


@pytest.mark.parametrize("place", ["{n}.avi", "{n}.MOV", "{n}.mkv", "{n}.webm"])
def test_clips_of_any_kind_of_video_are_found(tmp_path, place):
    write(tmp_path)
    file = layout.features_path(tmp_path, "dev") / place.format(n="dev-1")
    file.parent.mkdir(parents=True)
    file.touch()
    (file.parent / "dev-1.txt").touch()
    assert read_corpus(tmp_path).split("dev")[0].source == file
    mp4 = file.with_name("dev-1.mp4")
    mp4.touch()
    assert read_corpus(tmp_path).split("dev")[0].source == mp4


@pytest.mark.parametrize(("in_text", "on_disk"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_names_are_one_whichever_way_their_umlauts_are_written(tmp_path, in_text, on_disk):
    write(tmp_path)
    name = "März_2010"
    annotation = layout.annotation_path(tmp_path, "dev")
    text = annotation.read_text(encoding="utf-8").replace("dev-1", name).replace("regen", "schauer im süden")
    annotation.write_text(unicodedata.normalize(in_text, text), encoding="utf-8")
    folder = layout.features_path(tmp_path, "dev") / unicodedata.normalize(on_disk, name)
    folder.mkdir(parents=True)
    clip = read_corpus(tmp_path).split("dev")[0]
    assert clip.name == name and clip.source == folder and clip.text == "schauer im süden im norden ."


def test_a_name_that_stands_twice_in_two_writings_stands_twice(tmp_path):
    write(tmp_path)
    annotation = layout.annotation_path(tmp_path, "dev")
    lines = ["name|orth|translation", "märz|A|b", unicodedata.normalize("NFD", "märz|A|b")]
    annotation.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match="märz stands twice"):
        read_corpus(tmp_path)


@pytest.mark.parametrize(
    "rows",
    [
        ["\ufeffname|video|orth|translation", 'x|x/1/*.png|REGEN NORD|"Regen im Süden."', 'y|y|SONNE|"Sonne ."'],
        ["name;orth;translation", "x;REGEN NORD;Regen im Süden", 'y;SONNE;"Sonne"'],
        [" Name\tOrth\tTranslation ", "x\tREGEN NORD\tRegen im Süden", "y\tSONNE\tSonne"],
        ["name,orth,translation", '"x","REGEN NORD","Regen im Süden"', '"y","SONNE","Sonne"'],
        [",name,orth,translation", '0,x,REGEN NORD,"Regen im Süden"', "1,y,SONNE,Sonne"],
    ],
)
def test_annotation_as_other_programs_save_it(tmp_path, rows):
    write(tmp_path)
    layout.annotation_path(tmp_path, "dev").write_text("\r\n".join(rows), encoding="utf-8", newline="")
    clips = read_corpus(tmp_path).split("dev")
    assert [(c.name, c.glosses, c.text) for c in clips] == [
        ("x", ("REGEN", "NORD"), "regen im süden ."), ("y", ("SONNE",), "sonne ."),
    ]  # fmt: skip


def test_quotation_marks_of_a_sentence_are_kept(tmp_path):
    write(tmp_path, dev='er sagt "guten abend" .')
    text = read_corpus(tmp_path).split("dev")[0].text
    assert text == 'er sagt "guten abend" .'


def test_a_clip_without_a_sentence_is_not_trained_on(release) -> None:
    top = release()
    path = layout.annotation_path(top / "PHOENIX-2014-T", "train")
    path.write_text(path.read_text(encoding="utf-8") + "heute-9|x|-1|-1|s|A|\n", encoding="utf-8")
    with pytest.raises(InputError, match="clip heute-9 has no sentence"):
        read_corpus(top)


def test_a_table_of_clips_is_not_called_missing_where_the_annotation_is_needed(tmp_path):
    root = sound_set(tmp_path)
    with pytest.raises(InputError, match=r"no annotations/manual in it.*a clips\.tsv has no timing"):
        layout.locate(root)
