"""Published lists as files: to a directory or an object store, so that verification traffic never reaches Python."""
