"""Names from outside: shown, never a path, and saved under by browsers."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.serve.names import disposition, shown_name, suffix_of


@given(st.text(max_size=300))
def test_any_text_becomes_a_short_line_that_is_no_path(text):
    name = shown_name(text)
    assert 1 <= len(name) <= 80 and not re.search(r"[/\\\x00-\x1f]", name) and name.strip(".") == name


def test_a_name_is_what_stands_behind_the_last_separator():
    assert shown_name("../../etc/passwd") == shown_name(r"C:\x\passwd") == "passwd"
    assert shown_name("über uns.mp4") == "über uns.mp4" and shown_name("a/..") == shown_name("") == "recording"
    assert shown_name("x" * 300 + ".mp4").endswith(".mp4")


@given(st.text(max_size=60))
def test_a_suffix_is_one_of_a_few(text):
    try:
        suffix = suffix_of(text)
    except InputError as error:
        assert re.search(r"\.(skels|h5|pt|json)$", text, re.I) and "only .pose and .safetensors" in str(error)
        return
    assert re.fullmatch(r"\.[a-z0-9]{1,12}", suffix)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.MP4", ".mp4"), ("a.pose", ".pose"), ("a.exe", ".video"), ("a", ".video"), ("a.mp4/", ".video")],
)
def test_kinds(name, suffix):
    assert suffix_of(name) == suffix


@given(st.text(max_size=60).map(shown_name))
def test_the_header_is_ascii_without_anything_that_ends_it(name):
    header = disposition(name, ".srt")
    plain, full = re.fullmatch(
        r"attachment; filename=\"([\w.-]+)\"; filename\*=UTF-8''([\w.~%-]+)", header, re.A
    ).groups()
    assert plain.endswith(".srt") and unquote(full).endswith(".srt")


def test_a_result_is_called_after_its_upload():
    header = disposition("grüße an alle.mp4", ".srt")
    assert 'filename="gr_e_an_alle.srt"' in header and unquote(header).endswith("grüße an alle.srt")
