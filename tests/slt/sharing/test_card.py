"""The header of README.md: what the Hub's own reader finds in it, whatever people call their models."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.sharing.card import About, header_faults, make_readme, read_header

SCORES = {"dev": {"bleu4": 12.345, "rouge": 30.0, "wer": 55.5}, "test": {"bleu4": 10.0, "rouge": 29.0, "wer": None}}
WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(title=WORDS, licence=WORDS, dataset=WORDS, body=st.text(max_size=60))
def test_what_goes_in_is_read_again(title, licence, dataset, body):
    about = About(title, ("gsg", "de"), licence, dataset)
    header = read_header(make_readme(about, SCORES, body))
    assert header_faults(header) == []
    assert header["model-index"][0]["name"] == title and header["datasets"] == [dataset]
    assert header["language"] == ["gsg", "de"] and header["metrics"] == ["bleu", "rouge", "wer"]
    assert licence.strip() in (header.get("license_name"), licence if header["license"] != "other" else None)


def test_the_hubs_own_reader_finds_the_scores(exported):
    cards = pytest.importorskip("huggingface_hub", reason="the extra `hub` is not installed")
    data = cards.ModelCard.load(exported / "README.md").data
    scores = json.loads((exported / "scores.json").read_text())
    found = {(r.dataset_split, r.metric_name): r.metric_value for r in data.eval_results}
    assert found["test", "BLEU-4"] == round(scores["test"]["bleu4"], 2)
    assert found["dev", "ROUGE-L"] == round(scores["dev"]["rouge"], 2)
    assert (data.language, data.license, data.datasets) == (["de"], "apache-2.0", ["rendered"])


@pytest.mark.parametrize(("written", "key"), [
    ("Apache-2.0", "apache-2.0"), ("CC BY 4.0", "cc-by-4.0"), ("cc_by_nc_sa_4.0", "cc-by-nc-sa-4.0"), ("Ours", "other")
])  # fmt: skip
def test_licences_are_those_of_the_hub(written, key):
    header = read_header(make_readme(About("t", ("de",), written, "d"), SCORES, "x"))
    assert header["license"] == key and header.get("license_name") == (written if key == "other" else None)


def test_what_a_card_needs_is_asked_for():
    with pytest.raises(InputError, match="--language"):
        About("t", (), "mit", "d")
    with pytest.raises(InputError, match="'German': no code"):
        About("t", ("German",), "mit", "d")
    with pytest.raises(InputError, match="no scores"):
        make_readme(About("t", ("de",), "mit", "d"), {"dev": {"n": 3}}, "x")


def test_a_header_ends_at_its_own_fence():
    assert read_header("---\na: b\n---\ntext\n---\nc: d\n---\n") == {"a": "b"}
    assert yaml.safe_load("a: b") == read_header("\ufeff---\r\na: b\r\n---\r\n")


def test_a_licence_that_would_talk_to_the_terminal_is_none() -> None:
    header = {"language": ["de"], "metrics": ["bleu"], "datasets": ["x"], "license": "cc0-1.0"}
    assert header_faults(header) == []
    (fault,) = header_faults(header | {"license": "\x1b[2J\x1b]0;x\x07"})
    assert "licence" in fault and fault.isprintable()
