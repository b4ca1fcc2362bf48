"""The command ``ayumi``."""
