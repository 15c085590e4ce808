"""Status lists: the bits as the log tells them, rendered, signed and published as the world sees them."""
