import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import model_validator

from skeletor.config import Config, load_config, read_yaml
from skeletor.errors import InputError


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
