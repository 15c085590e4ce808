"""The shell around a decision: load, decide, append. A lost race is decided again."""
