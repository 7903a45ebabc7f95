"""One clip to look at in a browser: joints over the video and in 3D, raw and repaired, and what was understood."""
