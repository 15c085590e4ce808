"""An event-sourced credential registry: the write side and the door."""
