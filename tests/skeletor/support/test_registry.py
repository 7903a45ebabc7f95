"""The core of the registries: options of one's own, one line for those of others, and configs of earlier versions."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BeforeValidator, Field, SerializeAsAny

from skeletor.support.config import Config, check_config
from skeletor.support.errors import InputError
from skeletor.support.registry import Presets, Registry, given_weights


class Shape(Config):
    kind: str


class Round(Shape):
    kind: Literal["round"] = "round"
    radius: float = Field(1.0, gt=0)
    colour: str = "red"


class Square(Shape):
    kind: Literal["square"] = "square"
    side: int = 2
    corners: list[int] = Field(default_factory=lambda: [1, 2])
    colour: str = "blue"
    weights: str | None = None


class Free(Shape):
    kind: Literal["free"] = "free"
    points: int  # no default


SHAPES: Registry[Shape, str] = Registry(Shape, "kind", default="round")


@SHAPES.register(Round, "a circle")
def build_round(options: Round) -> str:
    return f"round {options.radius}"


@SHAPES.register(Square, "a square", lambda: "no ruler")
def build_square(options: Square) -> str:
    return f"square {options.side}"


@SHAPES.register(Free, "any points")
def build_free(options: Free) -> str:
    return f"free {options.points}"


class Page(Config):
    shape: Annotated[Shape, BeforeValidator(SHAPES.parse), SerializeAsAny()] = Round()


def test_each_is_listed_and_built_of_its_own_options() -> None:
    assert SHAPES.names() == tuple(SHAPES) == ("round", "free", "square") and len(SHAPES) == 3
    assert SHAPES.names(weighted=True) == ("square",) and SHAPES.names(weighted=False) == ("round", "free")
    assert (SHAPES["round"].about, SHAPES["round"].unavailable()) == ("a circle", None)
    assert SHAPES["square"].unavailable() == "no ruler"
    assert SHAPES.build(SHAPES.parse({})) == "round 1.0"
    assert SHAPES.build(SHAPES.parse({"kind": "square", "side": 5})) == "square 5"
    given = Square(side=3)
    assert SHAPES.parse(given) is given
    assert (given_weights(Square(weights="w")), given_weights(given), given_weights(Round())) == ("w", None, None)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"kind": "oval"}, "page.yaml: key 'shape.kind': Input should be 'round', 'free' or 'square', got 'oval'"),
        ({"kind": 3}, "page.yaml: key 'shape.kind': Input should be 'round', 'free' or 'square', got 3"),
        ({"radios": 2.0}, "page.yaml: unknown key 'shape.radios'"),
        ({"radius": -1.0}, "page.yaml: key 'shape.radius': Input should be greater than 0, got -1.0"),
        ({"side": 3}, "page.yaml: key 'shape.side': an option of square, not of round"),
        ({"kind": "free", "points": 1, "colour": "x"}, "page.yaml: key 'shape.colour': an option of round and square, "
                                                       "not of free"),
        ({"kind": "square", "points": 0}, "page.yaml: key 'shape.points': an option of free, not of square"),
        ({"kind": "free"}, "page.yaml: key 'shape.points' is missing"),
    ],
)  # fmt: skip
def test_what_does_not_belong_is_one_line_with_the_whole_key(values: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as caught:
        check_config({"shape": values}, Page, "page.yaml")
    assert str(caught.value) == line


@pytest.mark.parametrize("value", [None, 3, "oval", ["round"]])
def test_a_section_that_is_none_is_one_line(value: object) -> None:
    with pytest.raises(InputError, match=r"^page.yaml: key 'shape': a section of keys and values is expected[^\n]*$"):
        check_config({"shape": value}, Page, "page.yaml")


def test_the_name_alone_of_a_stage_is_no_section_and_the_line_says_how_to_write_one() -> None:
    with pytest.raises(InputError, match=r"^page.yaml: key 'shape': a section is expected: write \{kind: round\}$"):
        check_config({"shape": "round"}, Page, "page.yaml")


def test_options_of_others_with_their_defaults_are_dropped() -> None:
    """As in the configs that earlier versions wrote: one bag with the options of all."""
    bag = {"radius": 1.0, "side": 2, "corners": [1, 2], "colour": "blue", "weights": None}
    assert SHAPES.parse({"kind": "square", **bag}) == Square()
    assert SHAPES.parse({"kind": "round", **bag}) == Round(colour="blue")
    assert SHAPES.parse({"kind": "free", "points": 4, **bag}) == Free(points=4)
    with pytest.raises(InputError, match="an option of square, not of round"):
        SHAPES.check({**bag, "corners": [1]}, "here")


def test_a_config_keeps_the_options_of_the_subclass() -> None:
    page = Page(shape=Square(side=4))
    assert page.model_dump(mode="json")["shape"] == {
        "kind": "square", "side": 4, "corners": [1, 2], "colour": "blue", "weights": None,
    }  # fmt: skip
    assert Page.model_validate_json(page.model_dump_json()) == page
    assert page.digest() != Page().digest()


def test_another_name_keeps_what_both_have_and_no_weights() -> None:
    square = {"kind": "square", "side": 4, "colour": "green", "weights": "w"}
    assert SHAPES.renamed(square, "round") == {"kind": "round", "colour": "green"}
    assert SHAPES.renamed(square, "square") == square
    assert SHAPES.renamed({"radius": 2.0}, "square") == {"kind": "square"}  # of the default
    assert SHAPES.renamed({"radius": 2.0}, "oval") == {"kind": "oval"}  # refused by whoever checks it
    assert SHAPES.renamed({}, "round") == SHAPES.renamed(None, "round") == {"kind": "round"}
    assert SHAPES.renamed("no section", "round") == "no section"


def test_a_name_is_taken_once_and_belongs_to_the_kind() -> None:
    with pytest.raises(ValueError, match="'round' is no name, or is taken"):
        SHAPES.register(Round, "again")
    with pytest.raises(ValueError, match="no Shape"):
        SHAPES.register(Page, "a page")  # type: ignore[type-var,unused-ignore]
    with pytest.raises(ValueError, match="no name"):
        SHAPES.register(Shape, "any shape")
    with pytest.raises(AssertionError):
        SHAPES.build(Shape(kind="round"))


class Paint(Config):
    preset: str = "plain"
    layers: int = 1
    gloss: float = 0.0


def test_presets_give_the_values_that_are_not_given() -> None:
    paints: Presets[Paint] = Presets()
    paints.register("plain", "as it is", Paint())
    thick = paints.register("thick", "many layers", Paint(layers=4))
    assert (thick.preset, thick.layers, paints["thick"], paints.about("thick")) == ("thick", 4, thick, "many layers")
    assert list(paints) == ["plain", "thick"]
    assert paints.filled({"preset": "thick", "gloss": 0.5}) == {"preset": "thick", "layers": 4, "gloss": 0.5}
    assert paints.filled({"preset": "thick", "layers": 2})["layers"] == 2
    assert paints.filled({"gloss": 0.5}) == {"gloss": 0.5} and paints.filled(3) == 3
    with pytest.raises(ValueError, match="preset 'matt' is none of plain, thick"):
        paints.filled({"preset": "matt"})
    with pytest.raises(ValueError, match="taken"):
        paints.register("plain", "again", Paint())
