"""The door: parse, hand over, render; no decisions, no SQL."""
