"""The optional language model: it widens the ways to ask, and never makes a number."""
