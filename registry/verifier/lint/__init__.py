"""What will go wrong with a credential elsewhere: the known rules of verifiers, as a table. Pure.

A rule is an *error* when it follows from a specification, so that every verifier may refuse; a *warning* when verifiers
are known that fail, ignore or misread; a *note* when people will be surprised. One module per part of a document;
`table.py` puts the rules together, `lint.py` applies them.
"""
