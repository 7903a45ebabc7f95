"""Sign language read while it is signed: a camera, a stream that grows, or a file that is played as if it were live."""
