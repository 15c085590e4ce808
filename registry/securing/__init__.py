"""Securing mechanisms: bytes and documents in, proofs out; no HTTP, no SQL, no secrets of their own."""
