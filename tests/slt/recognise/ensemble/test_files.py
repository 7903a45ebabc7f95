"""Names of the files of several readers."""

from slt.recognise.ensemble.files import MOST, member, members


def test_the_first_keeps_the_plain_name() -> None:
    assert [member("recogniser.safetensors", k) for k in (1, 2)] == [
        "recogniser.safetensors",
        "recogniser-2.safetensors",
    ]


def test_members_are_those_without_a_gap() -> None:
    there = {"x.bin", "x-2.bin", "x-4.bin", "y-2.bin"}
    assert members("x.bin", there) == ["x.bin", "x-2.bin"] and members("y.bin", there) == []
    many = {member("x.bin", k) for k in range(1, MOST + 5)}
    assert len(members("x.bin", many)) == MOST
