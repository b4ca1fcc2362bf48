"""What Ayumi does: one file per family of things people want."""
