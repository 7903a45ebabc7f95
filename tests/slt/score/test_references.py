import json
import unicodedata

import pytest

from skeletor.support.errors import InputError
from slt.score.references import read_references

WANTED = {"b": "viel sonne .", "a": "morgen regen ."}


def test_every_kind_of_file_gives_the_same_sentences(tmp_path):
    files = {
        "corpus.csv": "name|video|start|end|speaker|orth|translation\nb|b/1/*.png|-1|-1|S|SONNE|viel sonne\n"
        "a|a/1/*.png|-1|-1|S|REGEN|morgen regen\n",
        "refs.json": json.dumps({"b": "Viel  Sonne.", "a": {"text": "morgen regen .", "gloss": "MORGEN REGEN"}}),
        "refs.tsv": "\ufeffname\ttext\nb\tviel sonne\na\tMorgen Regen.\n",
        "plain.tsv": "b\tviel sonne\na\tmorgen regen",
        "refs.txt": "viel sonne .\r\nmorgen regen\r\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        found = read_references(tmp_path / name, ["b", "a"])
        assert found == WANTED and list(found) == list(WANTED), name
    as_is = read_references(tmp_path / "refs.json", [], as_is=True)
    assert as_is == {"b": "Viel Sonne.", "a": "morgen regen ."}


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("r.txt", "eins\n", "1 lines, there are 2 clips"),
        ("r.txt", "eins\n\n", "b is empty"),
        ("r.tsv", "a\tb\tc\n", "line 1 has 3 fields"),
        ("r.tsv", "a\tx\na\ty\n", "line 2: clip a stands twice"),
        ("r.json", "[1]", "an object"),
        ("r.json", '{"a": 1}', "an object"),
        ("r.json", "{", "not JSON"),
        ("r.json", "{}", "no sentences"),
        ("r.csv", "name|words\n", "first line"),
        ("r.csv", "name|text\n", "no sentences"),
        ("r.csv", "name|orth|translation\na|B\n", "line 2"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path, name, content, part):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=part) as caught:
        read_references(tmp_path / name, ["a", "b"])
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_missing_and_garbled_files(tmp_path):
    (tmp_path / "r.txt").write_bytes("süd".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read_references(tmp_path / "r.txt", ["a"])
    with pytest.raises(InputError, match="cannot be read"):
        read_references(tmp_path / "none.txt", ["a"])


def test_tables_of_other_programs_and_both_ways_to_write_an_umlaut(tmp_path):
    wanted = {"märz": "regen im süden .", "b": 'er sagt "ja" .'}
    for name, content in {
        "a.csv": 'name;text\nmärz;"Regen im Süden"\nb;"er sagt ""ja"""\n',
        "b.csv": 'id,sentence,signer\nmärz,Regen im Süden,1\nb,"er sagt ""ja""",2\n',
        "c.tsv": 'name\tsentence\nmärz\tRegen im Süden\nb\t"er sagt ""ja"""\n',
        "d.json": json.dumps({"märz": "Regen im Süden", "b": 'er sagt "ja"'}, ensure_ascii=False),
        "e.txt": 'Regen im Süden\ner sagt "ja"\n',
    }.items():
        for form in ("NFC", "NFD"):
            (tmp_path / name).write_text(unicodedata.normalize(form, content), encoding="utf-8")
            names = [unicodedata.normalize(form, n) for n in wanted]
            assert read_references(tmp_path / name, names) == wanted, (name, form)
    assert read_references(tmp_path / "a.csv", [], as_is=True)["märz"] == "Regen im Süden"


@pytest.mark.parametrize("suffix", [".tsv", ".csv"])
def test_the_table_of_ones_own_data_and_its_splits(tmp_path, suffix):
    lines = ["name\tvideo\tsplit\tglosses\ttext", "a\tv/a.mp4\tdev\tA B\tIt rains.", "b\tv/b.mp4\tdev\t\tSun.",
             "c\tv/c.mp4\ttrain\t\tWind.", "d\tv/d.mp4\ttest\t\tSnow."]  # fmt: skip
    path = tmp_path / f"clips{suffix}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert read_references(path, ["b"], as_is=True) == {"a": "It rains.", "b": "Sun."}, "a has no pose, and counts"
    assert list(read_references(path, ["c", "d"])) == ["c", "d"]
    assert list(read_references(path, ["other"])) == ["a", "b", "c", "d"], "whoever asks tells that none fits"
    assert list(read_references(path, ["test/d"], aliases=["d"])) == ["d"]
    assert list(read_references(path, ["c"], aliases=["d"])) == ["c"]
