"""The whole chain on a tiny corpus: pixels, the real estimator, both trainings, the table, and `slt translate`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from skeletor.io.store import open_store
from slt.data import layout
from slt.pipeline.cache.code import code_digest
from slt.pipeline.run import PARTS_OF_RUN
from slt.video import open_video
from tests.hardening.children import Server
from tests.hardening.server import WARM
from tests.hardening.warm import fork_workers

TINY = Path(__file__).parents[3] / "configs" / "tiny.yaml"


def anew(*args, cwd):
    """`slt` as a user starts it."""
    return subprocess.run(
        [sys.executable, "-c", "from slt.cli import main; main()", *map(str, args)],
        capture_output=True, text=True, cwd=cwd, timeout=1500,
    )  # fmt: skip


@pytest.fixture(scope="module", name="slt")
def _slt(tmp_path_factory):
    """`slt` in a process that has imported everything; half of the time of these tests would be imports."""
    if not Path("/proc/self/stat").exists():
        yield anew
        return
    server, logs = Server((*WARM, "lightning_fabric")), tmp_path_factory.mktemp("logs")
    server.call(code_digest, ["slt.pipeline.run"], cpu=120)  # what a process has read of the code, it keeps

    def call(*args, cwd):
        done = server.run("slt", args, cwd, logs / "log", 1500, (fork_workers, ()))
        assert not done.left
        return subprocess.CompletedProcess(args, done.code, done.out, done.err)

    yield call
    server.close()


@pytest.fixture(scope="module")
def work(tmp_path_factory, slt):
    """A folder with a finished run of the tiny config in runs/tiny."""
    folder = tmp_path_factory.mktemp("chain")
    result = slt("run", TINY, cwd=folder)
    assert result.returncode == 0, result.stderr
    (folder / "table.txt").write_text(result.stdout)
    return folder


def rows(run: Path) -> dict:
    table = json.loads((run / "table.json").read_text(encoding="utf-8"))
    return {row["label"]: row for row in table["rows"]}


def test_the_table_has_the_rows_and_the_folder_explains_itself(work):
    run = work / "runs" / "tiny"
    labels = list(rows(run))
    for part in ("floor", "raw", "Savitzky-Golay", "Skeletor", "ceiling", "gloss"):
        assert any(part in label for label in labels), part
    assert "BLEU-4" in (work / "table.txt").read_text() and "sacre" not in labels
    for name in ("config.json", "versions.json", "log.txt", "table.md", "table.csv", "report.md", "report.json",
                 "review.json", "report.html"):  # fmt: skip
        assert (run / name).stat().st_size > 0
    for part in PARTS_OF_RUN:
        assert list((run / "lifted" / part).glob("*.safetensors")), part
    assert not list(run.rglob("*.tmp*"))


def test_dev_and_test_went_through_pixels_and_the_real_estimator(work):
    report = json.loads((work / "runs" / "tiny" / "report.json").read_text(encoding="utf-8"))
    for part in ("dev", "test", "studio"):
        assert report[f"detection {part}"]["body"] > 0.9
    assert report["detection studio"]["left_hand"] > 0.7 and report["detection studio"]["right_hand"] > 0.7


def test_a_second_run_with_nothing_changed_begins_no_stage(work):
    result = anew("run", TINY, cwd=work)
    assert result.returncode == 0, result.stderr
    assert "unchanged, kept" in result.stderr and "starts" not in result.stderr
    assert result.stdout == (work / "table.txt").read_text()


def test_turning_refinement_off_takes_out_its_row_and_leaves_the_others(work, slt):
    shutil.copytree(work / "runs" / "tiny", work / "runs" / "none")
    extra = ("--refine", "none", "--set", "flat_row=true")
    result = slt("run", TINY, *extra, "--run-dir", "runs/none", cwd=work)
    assert result.returncode == 0, result.stderr
    before, after = rows(work / "runs" / "tiny"), rows(work / "runs" / "none")
    after.pop("raw 2D skeletons (x and y, no depth)")
    flat, deep = (open_store(work / "runs" / "none" / folder / "test") for folder in ("flat", "lifted"))
    assert set(flat) == set(deep)
    for name in flat:
        assert (np.nan_to_num(flat[name].keypoints[..., 2]) == 0).all()
        np.testing.assert_array_equal(flat[name].confidence, deep[name].confidence)
    assert set(before) - set(after) == {
        "Skeletor, unsupervised", "Skeletor, trained on known motion", "Skeletor, as it comes (trained on real people)",
    }  # fmt: skip
    assert all(before[label]["test"] == after[label]["test"] for label in after)
    shutil.rmtree(work / "runs" / "none")


def test_translate_gives_a_sentence_or_abstains_and_the_model_can_be_copied(work, slt):
    video = next((work / "runs" / "tiny" / "corpus").glob("features/*/test/*.mp4"))
    here = slt("translate", video, "--model", "runs/tiny/model", "-o", "out", "-f", "txt,json,srt", cwd=work)
    assert here.returncode in (0, 3), here.stderr
    result = json.loads((work / "out" / f"{video.stem}.json").read_text(encoding="utf-8"))
    assert {"text", "reason", "tokens", "score", "seconds", "provenance", "signals"} <= set(result)
    assert set(result["seconds"]) >= {"estimate", "lift", "refine", "translate"}
    stages = [stage["name"] for stage in result["provenance"]["stages"]]
    assert stages[-1] == "refine" and "lift" in stages
    shutil.copytree(work / "runs" / "tiny" / "model", work / "elsewhere" / "copy")
    there = slt("translate", video, "--model", "elsewhere/copy", "-o", "out", "-f", "txt,json,srt", cwd=work)
    assert (there.returncode, there.stdout, there.stderr) == (here.returncode, here.stdout, here.stderr)

    other = slt("translate", video, "--lift", "reference", "-o", "other", "-f", "json", cwd=work)
    assert other.returncode in (0, 3) and "trained on another lifter" in other.stderr, other.stderr
    result = json.loads((work / "other" / f"{video.stem}.json").read_text(encoding="utf-8"))
    assert [s["config"]["mode"] for s in result["provenance"]["stages"] if s["name"] == "lift"] in ([], ["reference"])


def test_a_batch_lists_its_bad_file_and_does_the_others(work, slt):
    video = next((work / "runs" / "tiny" / "corpus").glob("features/*/test/*.mp4"))
    cut = work / "cut.mp4"
    cut.write_bytes(video.read_bytes()[:2000])
    result = slt("translate", cut, video, "-o", "batch", "-f", "json", cwd=work)
    assert result.returncode == 2
    assert "cut.mp4" in result.stderr and "Traceback" not in result.stderr
    assert "of 2 files failed" in result.stderr  # 1, or 2 if the hardly trained model abstains on the good one
    assert [p.name for p in (work / "batch").iterdir()] == [f"{video.stem}.json"]


def test_single_stages_write_files_that_the_next_reads(work, slt):
    video = next((work / "runs" / "tiny" / "corpus").glob("features/*/test/*.mp4"))
    assert slt("poses", video, "-o", "p", "--suffix", ".pose", cwd=work).returncode == 0
    assert slt("lift", f"p/{video.stem}.pose", "-o", "l", cwd=work).returncode == 0
    done = slt("refine", f"l/{video.stem}.safetensors", "-o", "r", cwd=work)
    assert done.returncode == 0 and "3D" in done.stdout, done.stderr
    view = slt("view", video, "-o", "v", cwd=work)
    assert view.returncode == 0, view.stderr
    with open_video(work / "v" / f"{video.stem}.view.mp4") as made, open_video(video) as source:
        assert made.frame_count == source.frame_count and made.width > 2 * source.width


def test_a_data_set_in_phoenix_layout_runs_through_the_same_command(work, slt):
    """PNG frames as the original has them, no truth beside them."""
    source = layout.read_corpus(work / "runs" / "tiny" / "corpus")
    root = work / "PHOENIX-2014-T"
    for split in layout.SPLITS:
        clips = [clip for clip in source.split(split) if clip.source][:5]
        layout.write_annotation(root, split, clips)
        for clip in clips:
            folder = layout.features_path(root, split) / clip.name
            folder.mkdir(parents=True)
            with open_video(clip.source) as video:
                for k, frame in enumerate(list(video)[2:22]):
                    cv2.imwrite(str(folder / f"images{k + 1:04d}.png"), frame[:, :, ::-1])
    result = slt("run", TINY, "--corpus", root, "--set", "gloss2text=false", cwd=work)
    assert result.returncode == 0, result.stderr
    labels = list(rows(work / "runs" / "tiny-PHOENIX-2014-T"))
    assert len(labels) == 5 and not any("ceiling" in label for label in labels)
