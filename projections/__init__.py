"""The read side: disposable, rebuilt from the log, never migrated."""
