"""docs/commands.md is what the parsers say today."""

import slt.cli
from scripts.command_page import PAGE, page, parsers


def test_the_page_is_todays():
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m scripts.command_page"


def test_every_command_and_option_is_on_the_page():
    text = page()
    for name in slt.cli.COMMANDS:
        assert f"## slt {name}" in text, name
    for parser, told in parsers():
        assert told, parser.prog
        assert f"\n## {parser.prog}\n" in text
        for action in parser._actions:
            for option in action.option_strings:
                assert option in ("-h", "--help") or f"`{option}" in text, f"{parser.prog} {option}"
