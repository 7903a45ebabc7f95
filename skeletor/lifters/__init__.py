"""From 2D to 3D joints: inverse kinematics, and trained networks in `learned`; `registry` builds them."""
