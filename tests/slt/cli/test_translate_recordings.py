"""`slt translate` of a long recording: subtitles, annotation, and what is told."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from skeletor.io.native import write_shard
from slt.cli.translate import main, write_results
from slt.inference.chain import load_chain
from slt.inference.recording import translate_recording
from slt.segment.written.cues import NOT_UNDERSTOOD
from tests.skeletor.io.people.test_taking_turns import sitter
from tests.skeletor.io.signer import person, write_json
from tests.slt.inference.test_recording import SAID, talk
from tests.slt.toy import perform

ALL = "txt,json,srt,vtt,eaf"


@pytest.fixture(name="translate")
def _translate(model):
    return lambda *argv: main("translate", [str(a) for a in (*argv, "--model", model, "--device", "cpu")], "")


def test_a_long_recording_becomes_subtitles(translate, tmp_path, capsys):
    write_shard({"t": talk(unseen=1)}, tmp_path / "t.safetensors")
    assert translate(tmp_path / "t.safetensors", "-o", tmp_path / "out", "-f", ALL, "--glosses") == 0
    shown = capsys.readouterr()
    result = json.loads((tmp_path / "out" / "t.json").read_text())
    texts = [one["text"] or NOT_UNDERSTOOD for one in result["sentences"]]
    assert len(texts) == len(SAID) and texts[1] == NOT_UNDERSTOOD and NOT_UNDERSTOOD not in texts[::2]
    files = sorted(str(path) for path in (tmp_path / "out").iterdir())
    lines = [line for line in shown.out.splitlines() if "glosses:" not in line and line not in files]
    assert sorted(shown.out.splitlines()[-len(files) :]) == files, "all that was written is named"
    assert [line.split("  ")[1] for line in lines] == texts and lines[0].startswith("00:00:01.")
    assert shown.out.count("  glosses: ") == 3
    assert "warning: 10.0 s, longer than the 1.2 s of one sentence: cut by a rule into 3 segments; 1 not" in shown.err
    assert (tmp_path / "out" / "t.txt").read_text().splitlines() == texts
    blocks = (tmp_path / "out" / "t.srt").read_text().split("\n\n")
    assert [block.splitlines()[2] for block in blocks] == texts
    note = (tmp_path / "out" / "t.vtt").read_text().split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in note] == ["NOTE", "1", "3"]
    root = ElementTree.parse(tmp_path / "out" / "t.eaf").getroot()
    assert [one.text for one in root.iterfind("TIER[@TIER_ID='sentence']//ANNOTATION_VALUE")] == texts
    assert len(root.findall("TIER[@TIER_ID='confidence']/ANNOTATION")) == 2
    assert root.find("HEADER/MEDIA_DESCRIPTOR") is None  # poses are nothing that ELAN can play


def test_nothing_but_the_reasons_is_written_if_nothing_was_understood(translate, tmp_path, capsys):
    write_shard({"t": talk(SAID[:1], unseen=0)}, tmp_path / "t.safetensors")
    assert translate(tmp_path / "t.safetensors", "-o", tmp_path / "out", "-f", ALL) == 3
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["t.json"]
    shown = capsys.readouterr()
    assert shown.out == "" and "not translated: not one of its 1 segment was understood" in shown.err
    assert shown.err.rstrip().endswith(f"; {tmp_path / 'out' / 't.json'} is written")
    write_shard({"t": talk()}, tmp_path / "t.safetensors")
    assert translate(tmp_path / "t.safetensors", "--segments", "none") == 3
    assert "not translated: " in capsys.readouterr().err


def test_a_short_clip_is_one_subtitle_unless_segments_are_asked_for(translate, tmp_path, capsys):
    write_shard({"s": perform(["wind", "schnee"], 4)}, tmp_path / "s.safetensors")
    assert translate(tmp_path / "s.safetensors", "-o", tmp_path / "out", "-f", "srt,vtt,eaf") == 0
    said, *written = capsys.readouterr().out.splitlines()
    assert written == [str(tmp_path / "out" / f"s.{kind}") for kind in ("srt", "vtt", "eaf")]
    assert (tmp_path / "out" / "s.srt").read_text() == f"1\n00:00:00,000 --> 00:00:00,560\n{said}\n"
    assert f"00:00:00.000 --> 00:00:00.560\n{said}\n" in (tmp_path / "out" / "s.vtt").read_text()
    assert translate(tmp_path / "s.safetensors", "--segments", "auto") in (0, 3)
    assert "cut by a rule into 1 segment; look" in capsys.readouterr().err


def test_recordings_among_other_inputs_are_named_in_each_line(translate, tmp_path, capsys):
    clips = {"long": talk(), "short": perform(["wind", "schnee"], 4)}
    write_shard(clips, tmp_path / "s.safetensors")
    assert translate(tmp_path / "s.safetensors") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0].rpartition("#")[2] for line in lines] == ["long"] * 3 + ["short"]


def test_the_annotation_is_linked_to_the_video(model, tmp_path):
    chain = load_chain(model, estimator="poses", device="cpu")
    result = translate_recording(chain, "talk.mp4", lambda _: talk())
    write_results(result, tmp_path / "out" / "talk", ["eaf"], Path(tmp_path / "talk.mp4"))
    link = ElementTree.parse(tmp_path / "out" / "talk.eaf").getroot().find("HEADER/MEDIA_DESCRIPTOR")
    assert link.get("MEDIA_URL") == (tmp_path / "talk.mp4").as_uri()
    assert link.get("RELATIVE_MEDIA_URL") == "../talk.mp4" and link.get("MIME_TYPE") == "video/mp4"


def test_people_who_sign_in_turns_are_named_unless_it_is_one_sentence(translate, tmp_path, capsys):
    people = [sitter(300, [(20, 130)], 100.0), sitter(300, [(160, 280)], 280.0, seed=1)]
    for t in range(300):
        write_json(tmp_path / "talk", t, [person(one, t) for one in (people[::-1] if t % 2 else people)])
    assert translate(tmp_path / "talk", "-o", tmp_path / "out", "-f", "json", "--segments", "rule") in (0, 3)
    result = json.loads((tmp_path / "out" / "talk.json").read_text())
    signers = [one["signer"] for one in result["sentences"]]
    assert signers == sorted(signers) and set(signers) == {1, 2}
    assert all((one["start_s"] < 5.8) == (one["signer"] == 1) for one in result["sentences"])
    assert "2 people sign in turns: signer 1 at the left in 1 turn, signer 2 at the right" in capsys.readouterr().err
    translate(tmp_path / "talk", "-o", tmp_path / "one", "-f", "json", "--segments", "none")
    one = json.loads((tmp_path / "one" / "talk.json").read_text())
    assert "sentences" not in one and not any(stage["name"] == "turns" for stage in one["provenance"]["stages"])
