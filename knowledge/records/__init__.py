"""The learning-data store: tables, writes, and reads that always name their viewer."""
