"""The rules, and nothing else: no clock, no randomness, no I/O. Time, ids and keys arrive in the command."""
