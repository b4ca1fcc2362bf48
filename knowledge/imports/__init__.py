"""Files that come in: one module per kind, all of a file or nothing of it."""
