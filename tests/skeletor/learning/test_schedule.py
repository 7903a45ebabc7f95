"""Learning rates against the formulas that they are described by."""

import math

import pytest

from skeletor.learning.schedule import Budget, Schedule


@pytest.mark.parametrize("step", [0, 1, 4, 5, 6, 60, 99])
def test_rates_by_steps(step: int) -> None:
    budget, warm = Budget(100), min(1, (step + 1) / 5)
    expected = {
        "constant": 1.0,
        "cosine": (1 + math.cos(math.pi * step / 100)) / 2,
        "exponential": 0.9 ** math.floor(step / 6),
    }
    for kind, share in expected.items():
        found = Schedule(kind, 0.02, 5, decay=0.9, decay_every=6).rate(step, 1e9, budget)  # type: ignore[arg-type]
        assert found == pytest.approx(0.02 * warm * share, rel=1e-12)
    after = (1 + math.cos(math.pi * max(0, step - 5) / 95)) / 2
    assert Schedule("cosine", 0.02, 5, after_warmup=True).rate(step, 0, budget) == pytest.approx(0.02 * warm * after)


def test_a_cosine_follows_the_clock_where_that_is_further() -> None:
    budget = Budget(1000, minutes=2)
    assert [budget.spent(step, s) for step, s in ((0, 0), (250, 30), (250, 60), (10, 120), (10, 999), (1000, 0))] == [
        0, 0.25, 0.5, 1, 1, 1,
    ]  # fmt: skip
    rate = Schedule("cosine", 1.0).rate(250, 90, budget)
    assert rate == pytest.approx((1 + math.cos(math.pi * 0.75)) / 2)


def test_without_warm_up_the_first_step_has_the_whole_rate() -> None:
    for after in (False, True):
        assert Schedule("cosine", 0.3, after_warmup=after).rate(0, 0, Budget(10)) == 0.3
    assert Schedule("cosine", 0.3, 50, after_warmup=True).rate(9, 0, Budget(10)) == pytest.approx(0.3 * 10 / 50)
