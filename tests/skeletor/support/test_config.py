import json
import os

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import model_validator

from skeletor.support.config import Config, load_config, merged, read_overrides, read_yaml
from skeletor.support.errors import InputError


class Section(Config):
    """Two values."""

    rate: float = 1.0
    name: str = ""

    @model_validator(mode="after")
    def _not_both(self) -> "Section":
        if self.rate == 2 and self.name:
            raise ValueError("give one of the two")
        return self


class Whole(Config):
    """One that must be given."""

    section: Section


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back_as_json_and_python_write_them(value):
    assert read_yaml(f"a: {value!r}") == {"a": value}
    assert read_yaml(json.dumps({"a": value})) == {"a": value}


def test_what_is_no_number_stays_text():
    for text in ("e5", "1e", "1e-7x", "e-7", "1-7", "s2e3"):
        assert read_yaml(f"a: {text}") == {"a": text}
    assert read_yaml("[1, 1.5, true, null, '1e-7']") == [1, 1.5, True, None, "1e-7"]
    assert yaml.safe_load("1e-7") == "1e-7"  # the package's own reader is left as it was


def test_a_config_that_was_written_out_can_be_read_again(tmp_path):
    path = tmp_path / "config.json"
    config = Section(rate=1e-7, name="1e-7")
    path.write_text(config.model_dump_json())
    assert load_config(path, Section) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rte: 1.0", r"config\.yaml: unknown key 'rte'$"),
        ("{rate: fast, rte: 1.0}", r"config\.yaml: unknown key 'rte' \(and 1 more\)$"),
        ("{rate: 2.0, name: x}", r"config\.yaml: give one of the two$"),
        ("rate: fast", r"config\.yaml: key 'rate': .* got 'fast'"),
        (f"name: [{'1, ' * 99}1]", r"got \[1(, 1)+.{,3}\.\.\.$"),
        ("[1]", r"config\.yaml: expected keys and values"),
        ("{", r"config\.yaml: not a YAML file"),
        ("!!python/object/apply:os.getcwd []", r"config\.yaml: not a YAML file"),
    ],
)
def test_bad_files_are_told_in_one_line(tmp_path, text, message):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        load_config(path, Section)
    assert "\n" not in str(error.value)


def test_what_is_missing_and_where_rules_of_a_section_are_broken(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("{}")
    with pytest.raises(InputError, match=r"config\.yaml: key 'section' is missing$"):
        load_config(path, Whole)
    path.write_text("section: {rate: 2.0, name: x}")
    with pytest.raises(InputError, match=r"config\.yaml: key 'section': give one of the two$"):
        load_config(path, Whole)


HOSTILE = {
    "rate: !!float 1": "the tag",
    "rate: ! 1": "the tag",
    "rate: 1\nrate: 2": r"line 2, column 1: the key 'rate' stands there twice",
    "name: a\n'name': b": "the key 'name' stands there twice",
    f"rate: {'9' * 5000}": "a number of 5000 characters",
    f"rate: 0x{'f' * 5000}": "a number of 5002 characters",
    f"rate: {10**30}": "key 'rate': the number is too large",
    "rate: 1:30": "1:30 is no number",
    "rate: 2020-13-45": "key 'rate'.*got '2020-13-45'",
    "rate: .nan": "key 'rate': Input should be a finite number",
    "rate: -.inf": "key 'rate': Input should be a finite number",
    "name: " + "[" * 100_000: "nested more than 50 deep",
    "{a: " * 100_000: "nested more than 50 deep",
    "a: &a [*a]": r"the alias \*a stands within itself",
    "a: &a {b: *a}": r"the alias \*a stands within itself",
    "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + k)}: &{chr(98 + k)} [{', '.join([f'*{chr(97 + k)}'] * 10)}]\n"
                                              for k in range(8)): "with its aliases written out",
    "a: &a " + "x" * 100_000 + "\nb: [" + ", ".join(["*a"] * 20) + "]": "with its aliases written out",
    'name: "\\0"': "key 'name': the text has characters that cannot stand in one",
    'name: "\\ud800"': "key 'name': the text has characters that cannot stand in one",
    '"\\ud800": 1': "cannot stand in one",
    "rate: 1\n---\nrate: 2": "single document",
    "\trate: 1": "not a YAML file",
    "rate: [": "not a YAML file",
    "? [a]\n: 1": "not a YAML file",
    "1: 2": "Keys should be strings",
    "rate: =": "not a YAML file",
    "name: " + "x" * 600_000: "600006 bytes, at most",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:20])
def test_hostile_texts_are_told_in_one_line(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=HOSTILE[text]) as error:
        load_config(path, Section)
    assert "\n" not in str(error.value) and len(str(error.value)) < 500


@pytest.mark.parametrize("data", [b"\xff\xfer\x00", b"name: \xe4", b"\x00", b"rate: 1\x85"])
def test_bytes_that_are_no_text(tmp_path, data):
    path = tmp_path / "config.yaml"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"config\.yaml: not a YAML file"):
        load_config(path, Section)


def test_what_editors_of_other_systems_write_is_read(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbfrate: 3\r\nname: 2020-10-10\r\n")
    assert load_config(path, Section) == Section(rate=3.0, name="2020-10-10")


def test_small_aliases_are_read(tmp_path):
    assert read_yaml("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}") == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}}


def test_a_pipe_is_no_config(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not a file"):
        load_config(tmp_path / "pipe", Section)


def test_overrides_are_read_or_told():
    assert read_overrides(["a.b=3", "c=[1, x]", "d=x=y"]) == {"a.b": 3, "c": [1, "x"], "d": "x=y"}
    for item, message in {"a=[": "is no YAML value", "a=@x": "no YAML value", "a=!!int x": "the tag", "a": "KEY=VALUE",
                          "=1": "KEY=VALUE"}.items():  # fmt: skip
        with pytest.raises(InputError, match=message) as error:
            read_overrides([item])
        assert "\n" not in str(error.value)


@given(st.binary(max_size=60))
def test_any_text_gives_the_same_value_again_or_a_yaml_error(data):
    """And no other exception, whatever PyYAML raises of its own."""
    text = data.decode("utf-8", errors="replace")
    try:
        value = read_yaml(text)
    except yaml.YAMLError as error:
        assert str(error)
    else:
        assert repr(read_yaml(text)) == repr(value)  # by its text, since NaN is not NaN


def test_sections_are_merged_and_lists_replaced():
    base = {"model": {"layers": 2, "inner": {"a": 1}}, "rows": [1, 2], "seed": 1}
    over = {"model": {"inner": {"b": 2}}, "rows": [3], "seed": {"x": 1}, "new": None}
    assert merged(base, over) == {
        "model": {"layers": 2, "inner": {"a": 1, "b": 2}}, "rows": [3], "seed": {"x": 1}, "new": None,
    }  # fmt: skip
    assert base["model"] == {"layers": 2, "inner": {"a": 1}}, "the base is left as it was"
