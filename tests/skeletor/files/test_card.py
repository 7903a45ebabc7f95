from skeletor.files.card import write_beside

TEXT = "# Lifter `a.safetensors`: port\n\nfigures\n"


def test_a_card_takes_the_place_of_an_older_one_and_of_nothing_else(tmp_path):
    weights = tmp_path / "a.safetensors"
    assert write_beside(weights, "# Lifter `b`\n") == tmp_path / "README.md"
    assert write_beside(weights, TEXT) == tmp_path / "README.md"
    assert (tmp_path / "README.md").read_text() == TEXT
    (tmp_path / "README.md").write_bytes(b"\xff my own")
    assert write_beside(weights, TEXT) == tmp_path / "a.README.md"
    assert (tmp_path / "README.md").read_bytes() == b"\xff my own"
    (tmp_path / "README.md").unlink()
    (tmp_path / "README.md").mkdir()
    assert write_beside(weights, TEXT) == tmp_path / "a.README.md"
