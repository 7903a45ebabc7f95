"""Axes, curves, errors by joint, and which clips are shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.poses.metrics import pose_errors
from skeletor.poses.skeleton import SIGNING_50
from slt.report.bars import table_plots, whole_table
from slt.report.clips import best_and_worst
from slt.report.finished import curves
from slt.report.joints import joint_errors, schematic, unseen
from slt.report.markup import Markup, tag
from slt.report.pictures import chosen, pictures, skeletons
from slt.report.plots import Bar, Score, curve_panels, interval_plot
from slt.report.scale import around
from tests.slt.viewer.scenes import LOST, poses, video

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False)


@given(st.lists(NUMBERS, min_size=1, max_size=8), st.booleans(), st.booleans())
def test_an_axis_holds_all_values_and_its_ticks_lie_on_it_in_order(values: list[float], zero: bool, log: bool) -> None:
    axis = around(values, zero, log)
    shares = [axis.share(v) for v in values]
    assert all(-1e-6 <= s <= 100 + 1e-6 for s in shares)
    assert [s for _, s in sorted(zip(values, shares, strict=True))] == sorted(shares)
    ticks = axis.ticks()
    assert ticks == sorted(ticks) and all(-0.1 <= axis.share(t) <= 100.1 for t in ticks)
    if not axis.log:
        assert 2 <= len(ticks) <= 12
    if zero and not axis.log:
        assert axis.low <= 0


def test_ticks_are_round() -> None:
    assert around([0, 97]).ticks() == pytest.approx([0, 20, 40, 60, 80, 100])
    assert around([0.5, 90], log=True).ticks() == pytest.approx([0.5, 1, 2, 5, 10, 20, 50])
    assert around([3, 50000], log=True).ticks() == pytest.approx([10, 100, 1000, 10000])


def test_markup_escapes_texts_and_attributes_and_keeps_elements() -> None:
    made = tag("a", {"title": '"><i>', "data-x": None}, "<b>", tag("i", {}, "&"))
    assert made == '<a title="&quot;&gt;&lt;i&gt;">&lt;b&gt;<i>&amp;</i></a>' and isinstance(made, Markup)


def test_a_plot_puts_scores_and_intervals_where_they_belong() -> None:
    text = interval_plot("BLEU-4", "", [Bar("a", None, Score(50, (40, 60))), Bar("b", Score(100), None)])
    assert 'x1="40%" x2="60%" y1="23"' in text and 'cx="50%"' in text and 'cx="100%"' in text
    assert "50.0 [40.0, 60.0]" in text and "dev 100.0" in text


def test_isolated_signs_have_plots_of_their_own_and_papers_rows_are_hollow() -> None:
    one = {"top1": 40.0, "top5": 60.0, "intervals": {"top1": [30.0, 50.0], "top5": [50.0, 70.0]}}
    signs = {"rows": [{"label": "raw", "dev": one, "test": one, "new": None}], "notes": []}
    plots = table_plots(signs)
    assert len(plots) == 2 and "top-1" in plots[0] and "40.0 [30.0, 50.0]" in plots[0]
    assert whole_table(signs).count("<td>40.00</td>") == 2 and "new top" not in whole_table(signs)
    paper = {"label": "theirs", "dev": {"bleu4": 10.0}, "test": {"bleu4": 9.5}}
    ours = {"label": "raw", "dev": {"bleu4": 8.0}, "test": {"bleu4": 8.0}}
    (plot,) = table_plots({"rows": [ours], "published": [paper]})
    assert "theirs (published)" in plot and plot.count('fill="#fff"') == 3  # both devs, and the paper's test


def test_curves_are_read_from_the_logs_of_all_kinds_and_broken_lines_are_left_out(tmp_path: Path) -> None:
    one = tmp_path / "systems" / "raw-recogniser"
    two = tmp_path / "systems" / "gloss2text" / "model" / "checkpoints"
    for folder in (one, two):
        folder.mkdir(parents=True)
    lines = [json.dumps({"step": s, "loss": 200.0 / s, "lr": 0.1, "clips_per_second": 3}) for s in (1, 10, 20)]
    (one / "recogniser.jsonl").write_text("\n".join([*lines, '{"step": 30, "lo', "[]", '{"step": "x", "loss": 1}']))
    (two / "validations.txt").write_text(
        "Steps: 5\tloss: 0.5\tbleu: 10.0\tLR: 0.1\t*\nSteps: 9\tloss: nan\tbleu: 20.0\n"
    )
    found = {(c.label, c.name): c for c in curves(tmp_path)}
    assert set(found) == {("raw-recogniser", "loss"), ("gloss2text", "validation bleu")}
    assert found["raw-recogniser", "loss"].values == (200.0, 20.0, 10.0)
    assert found["gloss2text", "validation bleu"].steps == (5.0, 9.0)
    panels = curve_panels(list(found.values()))
    assert len(panels) == 2 and "recogniser: loss" in panels[0] and "logarithmic" in panels[0]


def test_errors_of_all_joints_agree_with_the_metric_of_the_tables() -> None:
    _, lifted, refined = poses()
    points = lifted.keypoints + np.random.default_rng(1).normal(0, 0.1, lifted.keypoints.shape).astype(np.float32)
    points[3, 5] = np.nan
    confidence = lifted.confidence.copy()
    confidence[3, 5] = 0
    moved = lifted.replace(points, confidence)
    errors = joint_errors({"a": moved, "b": refined, "lost": refined}, {"a": lifted, "b": lifted})
    expected = pose_errors([moved, refined], [lifted, lifted])
    assert errors[8:29].mean() == pytest.approx(expected.mpjpe["left_hand"], rel=1e-5)
    assert errors[29:].mean() == pytest.approx(expected.mpjpe["right_hand"], rel=1e-5)
    assert np.isnan(joint_errors({"a": lifted}, {})).all()
    flat = lifted.replace(lifted.keypoints[..., :2])
    assert np.isnan(joint_errors({"a": flat}, {"a": lifted})).all()


def test_what_was_not_seen_is_counted_by_joint() -> None:
    raw, _, _ = poses()
    share = unseen({"a": raw, "b": raw})
    lost = (LOST.stop - LOST.start) / len(raw)
    assert share[:8].max() == 0 and share[8:29] == pytest.approx(lost) and share[29:].max() == 0


def test_the_figure_is_a_signer_who_faces_us_and_no_two_joints_cover_each_other() -> None:
    places = schematic()
    assert places.shape == (50, 2)
    names = SIGNING_50.joints
    assert places[names.index("right_wrist")][0] < places[names.index("left_wrist")][0]
    assert places[29:, 0].max() < places[:8, 0].min() and places[8:29, 0].min() > places[:8, 0].max()
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + 100 * np.eye(50)
    assert apart.min() > 5 and places.min() > 0 and places[:, 0].max() < 200


@given(st.lists(st.integers(0, 3), max_size=30))
def test_no_clip_is_shown_twice_and_the_best_are_no_worse_than_the_worst(scores: list[int]) -> None:
    clips = [{"name": str(k), "score": float(s), "reference": "x" * (k % 4)} for k, s in enumerate(scores)]
    best, worst = best_and_worst(clips)
    names = [c["name"] for c in (*best, *worst)]
    assert len(set(names)) == len(names) == min(len(clips), len(best) + 10) and len(best) <= 10 and len(worst) <= 10
    if best and worst:
        assert min(c["score"] for c in best) >= max(c["score"] for c in worst[:1])


def test_pictures_are_those_of_the_times_and_small(tmp_path: Path) -> None:
    import base64

    import cv2

    found = pictures(video(tmp_path / "a.mp4"), [0.4, 1.2], None, 25.0)
    greys = []
    for image in found:
        data = base64.b64decode(image.split("base64,")[1].split('"')[0])
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape[0] * picture.shape[1] <= 31_000 and picture.shape[1] > picture.shape[0]
        greys.append(picture.mean())
    assert greys == pytest.approx([60 + 3 * 10, 60 + 3 * 30], abs=4)


def test_frames_are_spread_over_the_clip_and_short_ones_have_fewer() -> None:
    assert chosen(50) == [10, 20, 29, 39] and chosen(1) == [0] and chosen(0) == []
    for frames in range(1, 9):
        assert all(0 <= t < frames for t in chosen(frames))


def test_a_skeleton_lies_where_the_video_has_it_and_lost_joints_are_rings() -> None:
    _, lifted, refined = poses()
    first, second = skeletons(lifted, refined, [0, LOST.start])
    assert 'viewBox="0 0 266.67 200"' in first  # the picture's 320 x 240
    assert "<circle" not in first and second.count("<circle") == 21
    nobody = lifted.replace(np.full(lifted.keypoints.shape, np.nan), np.zeros(lifted.confidence.shape))
    assert 'd=""' in skeletons(nobody, nobody, [0])[0]
