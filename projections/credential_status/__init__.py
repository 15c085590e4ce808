"""Where each credential stands: the hot point lookup."""
