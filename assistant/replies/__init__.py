"""Replies that a teacher may send to a child's reflection: sentences as data, and the rules that offer three."""
