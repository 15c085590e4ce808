"""Secrets: signing keys, permutation keys, API keys; wrapped at rest; the only tables that are updated."""
