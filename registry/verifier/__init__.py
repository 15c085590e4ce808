"""Checks a credential or a presentation that somebody presents: structure → proof → validity → status → issuer."""
