import pytest

from skeletor.support.errors import InputError
from slt.data.tables import read_rows, read_text

HEAD = "name|orth|translation\n"


def fields(text, **options):
    return [row.fields for row in read_rows(text, **options)[1:]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('a|B|er sagt "guten abend" heute\n', 'er sagt "guten abend" heute'),
        ('a|B|"guten abend" sagt er\n', '"guten abend" sagt er'),
        ('a|B|"guten abend" und "tschüss"\n', '"guten abend" und "tschüss"'),
        ('a|B|"guten abend\n', '"guten abend'),
        ('a|B|guten abend"\n', 'guten abend"'),
        ('a|B|"\n', '"'),
        ('a|B|"guten abend"\nb|B|es regnet\n', '"guten abend"'),  # one quotation among others
        ('a|B|"es "" regnet" nicht"\n', '"es "" regnet" nicht"'),
    ],
)
def test_quotation_marks_of_the_official_files_are_text(text, wanted):
    found = fields(HEAD + text + "z|C|und noch einer\n")
    assert found[0] == ("a", "B", wanted) and found[-1] == ("z", "C", "und noch einer")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('a|B|"guten abend"\n', "guten abend"),  # all of the column
        ('"a"|"B"|"guten abend"\n', "guten abend"),
        ('a|B|"er sagt ""guten abend"" heute"\nb|B|es regnet\n', 'er sagt "guten abend" heute'),  # as pandas does
        ('a|B|"regen|wind"\nb|B|es regnet\n', "regen|wind"),
        ('a|B|"regen\nwind"\nb|B|es regnet\n', "regen\nwind"),
        ('a|B|""\nb|B|"x"\n', ""),
    ],
)
def test_quotation_marks_of_csv_are_none(text, wanted):
    assert fields(HEAD + text)[0] == ("a", "B", wanted)


@pytest.mark.parametrize("separator", ["|", ";", "\t", ","])
def test_separators_are_told_by_the_heading(separator):
    text = f'name{separator}text\na{separator}"x{separator}y"\nb{separator}z\n'
    assert fields(text) == [("a", f"x{separator}y"), ("b", "z")]


def test_a_spreadsheets_hint_and_empty_lines_are_no_rows_and_lines_are_counted():
    rows = read_rows('sep=;\nname;text\n\na;"x\ny"\n\nb;z\n')
    assert [row.fields for row in rows] == [("name", "text"), ("a", "x\ny"), ("b", "z")]
    assert [row.number for row in rows] == [2, 5, 7]
    assert [row.number for row in read_rows("sep=;\nname;text\n\nb;z\n")] == [2, 4]
    assert [row.number for row in read_rows("a|b\n\nc|d\n")] == [1, 3]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(tmp_path, encoding, end):
    data = end.join(["süd", "nord", ""]).encode(encoding)
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe" + data if encoding == "utf-16-le" else data)
    assert read_text(path, "give another") == "süd\nnord\n"


def test_lines_that_a_broken_disk_made_zero_are_no_text(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"name|text\na|b" + bytes(64) + b"\n")
    with pytest.raises(InputError, match=r"a\.csv: line 2: a NUL byte \(damaged, .* save it as UTF-8\); look"):
        read_text(tmp_path / "a.csv", "look")


def test_what_is_no_text_is_one_line(tmp_path):
    (tmp_path / "a.csv").write_bytes("süd".encode("latin-1"))
    with pytest.raises(InputError, match=r"a\.csv: not UTF-8 text; save it as UTF-8"):
        read_text(tmp_path / "a.csv", "")
    with pytest.raises(InputError, match="give another"):
        read_text(tmp_path / "b.csv", "give another")
    with pytest.raises(InputError, match="give another"):
        read_text(tmp_path, "give another")
