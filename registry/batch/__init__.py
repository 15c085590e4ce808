"""`registry batch`: a file of rows from a terminal to a registry, over HTTP like anybody else's."""
