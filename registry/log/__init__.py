"""The append-only log: the only room that names the tables `events` and `log_heads`."""
