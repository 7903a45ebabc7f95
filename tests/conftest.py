"""What all tests share."""

from hypothesis import settings

# A busy machine must not fail a property: no time limit per example.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
