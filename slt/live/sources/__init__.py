"""Where the pictures of a live session come from: a camera, a stream that grows, a file that is played."""
