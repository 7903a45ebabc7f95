"""The numbers of Tables 1 to 4 of Jiang, Camgöz and Bowden, "Skeletor" (CVPR workshops 2021), as printed.

Of other data, in units that the paper does not state: not comparable with ours in size, only in shape.
"""

from __future__ import annotations

NOTE = "published: the paper's own numbers, of other data and in units that it does not state; not comparable"

# share of masks in training -> error on dev after 50k, 100k, 200k, 300k steps; min, ave, max on test
MASKS: dict[str, dict[float, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "frames": {
        0.05: ((3.086, 2.124, 1.195, 1.103), (0.147, 1.833, 9.628)),
        0.10: ((2.613, 1.404, 0.642, 0.581), (0.090, 0.875, 8.421)),
        0.15: ((5.048, 1.844, 0.919, 0.874), (0.255, 1.266, 9.862)),
        0.20: ((5.518, 2.196, 1.034, 0.856), (0.264, 1.250, 9.459)),
        0.25: ((4.842, 2.469, 1.116, 0.971), (0.210, 1.147, 8.273)),
    },
    "joints": {
        0.05: ((17.532, 15.146, 13.655, 13.645), (2.019, 4.543, 12.484)),
        0.10: ((18.192, 14.493, 13.585, 13.521), (1.869, 3.555, 9.590)),
        0.15: ((20.759, 15.594, 14.585, 14.640), (1.979, 4.181, 15.478)),
        0.20: ((23.323, 18.590, 17.881, 17.914), (2.606, 6.390, 42.758)),
        0.25: ((23.453, 17.816, 16.452, 16.418), (2.314, 5.031, 22.171)),
    },
}

# strength of the noise -> min, ave, max on test
NOISE: dict[str, dict[float, tuple[float, ...]]] = {
    "frames": {
        0.1: (0.059, 0.117, 1.408),
        0.3: (0.154, 0.215, 1.488),
        0.5: (0.345, 0.409, 1.691),
        0.7: (0.585, 0.689, 1.983),
        0.9: (0.841, 1.100, 2.331),
    },
    "joints": {
        0.1: (0.225, 0.452, 4.573),
        0.3: (0.272, 0.508, 4.786),
        0.5: (0.364, 0.616, 5.126),
        0.7: (0.496, 0.770, 5.209),
        0.9: (0.656, 0.965, 5.483),
    },
}
