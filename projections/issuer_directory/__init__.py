"""Who may issue, under which keys, since when."""
