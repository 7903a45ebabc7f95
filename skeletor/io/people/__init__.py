"""Several people in one recording: everybody as found (`crowd`), who is who from frame to frame (`tracking`), who is
read: one of them (`signer`), or in each frame the one who signs (`taking_turns`)."""

from skeletor.io.people.crowd import MOST_PEOPLE, MOST_PLACES, People, check_crowd
from skeletor.io.people.signer import Choice, SignerChoice, Take, choose_signer, follow, largest_moving_hands, select
from skeletor.io.people.taking_turns import by_turns

__all__ = [
    "MOST_PEOPLE",
    "MOST_PLACES",
    "Choice",
    "People",
    "SignerChoice",
    "Take",
    "by_turns",
    "check_crowd",
    "choose_signer",
    "follow",
    "largest_moving_hands",
    "select",
]
