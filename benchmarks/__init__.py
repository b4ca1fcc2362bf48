"""One file per question asked of the machine. Each prints a ratio to a named floor measured in the same run."""
