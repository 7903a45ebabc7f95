import json
from pathlib import Path

import pytest

from skeletor.files.plain_json import to_json


def test_what_is_not_finite_becomes_null_and_the_rest_stays():
    value = {"a": float("nan"), "b": [1.5, float("inf"), (-float("inf"), 2)], "c": "ü", "d": Path("x"), 3: None}

    def refuse(name: str) -> None:
        pytest.fail(f"{name} is no JSON")

    text = to_json(value)
    assert json.loads(text, parse_constant=refuse) == {
        "a": None, "b": [1.5, None, [None, 2]], "c": "ü", "d": "x", "3": None,
    }  # fmt: skip
    assert "ü" in text
