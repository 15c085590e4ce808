"""Open Badges 3.0 and CLR 2.0: what they ask for beyond the data model. Pure."""
