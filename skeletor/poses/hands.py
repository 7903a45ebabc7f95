"""The hands of a skeleton: their joints, and the wrists that carry them."""

from __future__ import annotations

from skeletor.poses.skeleton import Skeleton


def hands_and_wrists(skeleton: Skeleton) -> list[tuple[list[int], int]]:
    """For each hand of a skeleton, left first: (indices of its joints, index of the joint outside that carries it).

    Empty for a skeleton without groups left_hand and right_hand. A hand that hangs on nothing is carried by
    its own first joint.
    """
    groups = dict(skeleton.groups)
    result = []
    for name in ("left_hand", "right_hand"):
        joints = list(groups.get(name, ()))
        carriers = [skeleton.parents[j] for j in joints if skeleton.parents[j] not in (-1, *joints)]
        if joints:
            result.append((joints, carriers[0] if carriers else joints[0]))
    return result


def carriers(skeleton: Skeleton) -> list[int]:
    """For each of the J joints the index of the wrist that carries it if it is of a hand, else its own index."""
    result = list(range(len(skeleton)))
    for joints, wrist in hands_and_wrists(skeleton):
        for joint in joints:
            result[joint] = wrist
    return result
