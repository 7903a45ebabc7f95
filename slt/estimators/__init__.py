"""2D estimators: from a video to joints in pixels; `registry` builds them."""
