"""Rates and places from time stamps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slt.video.clock import disorder, grid, sound_times

RATES = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)
TICKS = (1e-3, 1 / 90000, 1e-6)


@given(
    st.sampled_from(RATES),
    st.sampled_from(TICKS),
    st.integers(100, 3000),
    st.floats(0, 0.3),
    st.sampled_from((1.0, 1.0004, 0.9996, None)),
    st.integers(0, 99),
)
@settings(max_examples=150, deadline=None)
def test_frames_that_are_missing_change_neither_rate_nor_places(
    rate: float, tick: float, count: int, share: float, header: float | None, seed: int
) -> None:
    """Stamps rounded to ticks, any share missing, a header that is right, a little off, or none."""
    there = np.random.default_rng(seed).random(count) >= share
    there[[0, 1, 2, -1]] = True
    kept = np.flatnonzero(there)
    stamps = np.round(kept / rate / tick) * tick
    fps, places = grid(stamps, [] if header is None else [rate * header])
    assert fps == rate
    assert (places == kept).all()


@pytest.mark.parametrize("jitter", [0.0, 0.1])
@pytest.mark.parametrize("count", [100, 1000, 10_000, 90_000])
@pytest.mark.parametrize("rate", [25.0, 25 * 1.0005, 25 / 1.0009, 25.25, 30 / 1.001, 29.98, 30.02])
def test_a_clock_that_is_a_little_off_loses_neither_frames_nor_time(rate: float, count: int, jitter: float) -> None:
    """Over an hour 0.1 % would be 3.6 seconds, by which subtitles came too late. jitter: of a frame, uneven stamps."""
    stray = np.random.default_rng(0).uniform(-jitter, jitter, count)
    times = (np.arange(count) + stray) / rate
    fps, places = grid(times - times[0], [25.0])
    assert (places == np.arange(count)).all()
    off = (places / fps - np.arange(count) / rate) * rate  # frames
    assert np.ptp(off) < 1 + 2 * jitter
    if count == 100 and 24.97 < rate < 25.03:
        assert fps == 25


@pytest.mark.parametrize("rate", [29.9167, 7.0, 22.22])
def test_other_rates_stay_what_they_are(rate: float) -> None:
    fps, places = grid(np.arange(500) / rate, [90_000.0])
    assert fps == pytest.approx(rate, rel=1e-6) and (places == np.arange(500)).all()


def test_a_variable_rate_goes_by_time() -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.06, 400))
    fps, places = grid(times)
    assert 20 < fps < 32
    assert (np.abs(places / fps - (times - times[0])) <= 0.5 / fps + 1e-9).all()


def test_rates_above_the_limit_are_cut() -> None:
    fps, places = grid(np.arange(1000) / 1000)
    assert fps == 240 and places[-1] == 240


@pytest.mark.parametrize(
    ("stamps", "jumps", "expected", "resets"),
    [
        ([0, 1, 2, 2, 4, 5], False, [0, 1, 2, 3, 4, 5], 0),  # doubled
        ([0, 1, 90, 3, 4, 5], False, [0, 1, 2, 3, 4, 5], 0),  # astray
        ([0, 1, np.nan, 3, np.nan, np.nan], False, [0, 1, 2, 3, 4, 5], 0),
        ([np.nan, np.nan, 7, 8, 10, 11], False, [0, 1, 2, 3, 5, 6], 0),
        ([np.nan] * 4, False, [0, 0.5, 1, 1.5], 0),
        ([10, 11, 12, 0, 1, 2], False, [0, 1, 2, 3, 4, 5], 1),  # begins anew
        ([10, 11, 12, 900, 901, 902], True, [0, 1, 2, 3, 4, 5], 1),  # set anew
        ([10, 11, 12, 900, 901, 902], False, [0, 1, 2, 890, 891, 892], 0),  # a long pause
    ],
)
def test_stamps_are_mended(stamps: list[float], jumps: bool, expected: list[float], resets: int) -> None:
    times, count = sound_times(np.array(stamps, float), 0.5, jumps)
    assert times == pytest.approx(np.array(expected)) and count == resets


def test_disorder_counts_what_is_missing_or_out_of_order() -> None:
    assert disorder(np.array([0.0, 1, 2, np.nan, np.nan])) == 0  # those at the end aside
    assert disorder(np.array([0.0, np.nan, 2, 1, 3])) == 2
    assert disorder(np.full(3, np.nan)) > 3


@pytest.mark.parametrize(("first", "second"), [(30, 20), (30, 24), (30, 25), (60, 50), (20, 30)])
def test_two_rates_in_one_clip_keep_every_frame_in_its_time(first, second):
    steps = np.concatenate([np.full(75, 1 / first), np.full(90, 1 / second)])
    times = np.concatenate([[0], np.cumsum(steps)])
    fps, places = grid(times, [first])
    assert fps == pytest.approx(max(first, second))
    assert np.abs(places / fps - times).max() <= 0.51 / fps and len(set(places)) == len(times)


def test_a_few_stamps_that_stray_change_no_rate() -> None:
    """FFmpeg's MPEG-PS: one frame's stamp is left out, and a later one stands for two."""
    stamps = np.array([k + (35 <= k < 47) for k in range(50)]) / 25
    times, _ = sound_times(stamps, 1 / 25, True)
    fps, places = grid(times, [25.0])
    assert fps == 25 and (np.abs(places - np.arange(50)) <= 1).all()
