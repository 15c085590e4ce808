"""The shape of credentials and presentations: every MUST of the data model (2.0 and 1.1) that a machine can check.

One module per section of the specification; `check.py` puts them together. Pure: no clock, no I/O.
"""
