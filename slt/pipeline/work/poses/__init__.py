"""Work that writes poses, or trains what writes them."""
