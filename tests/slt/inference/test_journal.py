"""The journal of a long recording: what is written comes back, and nothing else does."""

import math

from skeletor.poses.pose import Provenance, StageRecord
from slt.inference.journal import FileJournal
from slt.inference.sentences import Sentence
from slt.recognise.decoding.align import Sign
from slt.recognise.guess import Guess

READ = [
    Sentence(0.1, 2.3000000000000003, "ein satz .", None, 0.5, ("ein", "satz"), -1.25,
             {"motion": 1 / 3, "log_prob": math.inf}, ("EIN",), (Sign("EIN", 0.25, 0.5, 0.9),), None,
             (Guess("EIN", 0.75),)),
    Sentence(3.0, 4.0, None, "nobody signs"),
]  # fmt: skip

FROM = Provenance("talk.mp4", "ab", "mediapipe", "1", (64, 48), "pixel", (StageRecord("lift", "2", {"mode": "fast"}),))


def test_sentences_come_back_as_they_were(tmp_path):
    FileJournal(tmp_path, "key").write(3, READ, FROM)
    assert FileJournal(tmp_path, "key").read(3) == (READ, FROM)


def test_what_is_not_there_or_another_keys_or_damaged_is_not_read(tmp_path):
    journal = FileJournal(tmp_path, "key")
    journal.write(0, READ, FROM)
    assert journal.read(1) is None and FileJournal(tmp_path, "other").read(0) is None
    (file,) = tmp_path.iterdir()
    whole = file.read_text()
    renamed = (whole.replace('"text"', '"tixt"'), whole.replace("stages", "x"))
    for damaged in ("", whole[: len(whole) // 2], "[]", "{}", *renamed):
        file.write_text(damaged)
        assert journal.read(0) is None
