import pytest

from skeletor.support.errors import one_line, printable


@pytest.mark.parametrize(
    ("error", "limit", "line"),
    [
        (ValueError("a\n  broken\tline"), None, "a broken line"),
        (ValueError("x" * 500), 400, "x" * 400),
        (ValueError("x" * 500), None, "x" * 500),
        (EOFError(), None, "EOFError"),
        (EOFError(" \n"), 3, "EOF"),
        (ValueError("a\udcff.pose"), None, "a\\udcff.pose"),
    ],
)
def test_a_message_is_one_printable_line_within_its_limit(error: Exception, limit: int | None, line: str) -> None:
    assert one_line(error, limit) == line


def test_names_neither_break_lines_nor_command_the_terminal() -> None:
    assert printable("a\nb\x1b[31m\x9bc\udcffü😀") == "a\\x0ab\\x1b[31m\\x9bc\\udcffü😀"
