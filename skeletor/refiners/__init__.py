"""3D poses in, repaired poses out: smoothers and trained networks; `registry` builds them."""
