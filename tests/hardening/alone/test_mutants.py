"""Which modules mutants are made of."""

from tests.hardening.alone import mutants


def test_each_pattern_names_modules_and_each_module_has_tests() -> None:
    """What was moved to another place is not left out without a word."""
    assert all(any(mutants.ROOT.glob(pattern)) for pattern in mutants.PATTERNS)
    modules = mutants.core_modules()
    assert {"skeletor/io/people/signer.py", "skeletor/io/people/tracking.py", "slt/translate/signals.py"} <= {*modules}
    assert [module for module in modules if not module.endswith("__init__.py") and not mutants.tests_of(module)] == []
