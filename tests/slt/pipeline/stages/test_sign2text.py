import json

import pytest

from skeletor.support.errors import InputError
from slt.cli import main
from slt.data import layout
from slt.pipeline.config import RunConfig
from slt.pipeline.context import Run
from slt.pipeline.report import make_table
from slt.pipeline.stages import sign2text
from slt.pipeline.stages.translators import TrainedTranslator, outputs_of
from slt.sign2text.config import Sign2TextRow
from slt.synthetic import build

TINY = dict(height=20, width=16, channels=[4], feature_size=8, hidden=8, embedding=8, max_updates=2, validate_every=1,
            batch=2, beams=[1], alphas=[0.0], keep=1)  # fmt: skip


def run_of(corpus: layout.Corpus, folder, **values) -> Run:
    row = Sign2TextRow.model_validate({**TINY, **values})
    return Run(RunConfig(sign2text=row, corpus=build.CorpusConfig(train=3, dev=1, test=1)), folder, corpus, "key")


def test_a_row_from_the_pictures_of_a_data_set(release, tmp_path):
    run = run_of(layout.read_corpus(release()), tmp_path / "run")
    done = sign2text.sign2text_stage(run, 1)
    found = {s: json.loads((done.folder / f"{s}.json").read_text()) for s in ("dev", "test")}
    assert list(found["dev"]) == ["tagesschau-3"] and list(found["test"]) == ["tagesschau-4"]
    assert "trained on the 2 of 2 training clips that have pixels" in sign2text.note(run, done)
    assert len(list((run.folder / "sign2text" / "frames").rglob("*.npy"))) == 4
    system = TrainedTranslator(done, 1, outputs_of(done.folder))
    table = make_table(run, [], {sign2text.SIGN2TEXT: (system,)})
    assert [row.label for row in table.rows][1:] == [sign2text.LABEL] and sign2text.note(run, done) in table.notes
    before = (done.folder / "model" / "sign2text.safetensors").stat().st_mtime_ns
    assert sign2text.sign2text_stage(run, 1).key == done.key
    assert (done.folder / "model" / "sign2text.safetensors").stat().st_mtime_ns == before
    other = sign2text.sign2text_stage(run, 2)  # another seed: a folder of its own
    assert other.folder != done.folder and other.key != done.key


def test_more_clips_than_the_corpus_has_is_an_error(tmp_path):
    corpus = layout.Corpus(tmp_path, layout.Description("rendered", 25.0, 1.0, "", 1), ())
    with pytest.raises(InputError, match=r"sign2text.clips is 4, but corpus.train is 3"):
        sign2text.sign2text_stage(run_of(corpus, tmp_path, clips=4), 1)


def test_the_command_trains_and_translates(release, tmp_path, capsys):
    config = tmp_path / "tiny.yaml"
    config.write_text(json.dumps(TINY))
    top, out = release(), tmp_path / "out"
    arguments = ["sign2text", "train", str(config), "--corpus", str(top), "-o", str(out), "--device", "cpu"]
    with pytest.raises(SystemExit) as done:
        main([*arguments, "--set", "max_updates=1"])
    assert done.value.code == 0 and "BLEU-4" in (out / "log.txt").read_text()
    frames = layout.read_corpus(top).clips[0].source
    capsys.readouterr()
    with pytest.raises(SystemExit) as done:
        main(["sign2text", "translate", str(out / "model"), str(frames), "--device", "cpu"])
    assert done.value.code == 0 and capsys.readouterr().out.endswith("\n")
    with pytest.raises(SystemExit) as done:
        main(["sign2text", "translate", str(tmp_path), str(frames)])
    error = capsys.readouterr().err
    assert done.value.code == 2 and "is missing" in error and "Traceback" not in error
