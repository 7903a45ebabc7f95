"""2D poses in, repaired poses out, before lifting; `registry` builds them."""
