"""The conversation: people, channels, replies, pages."""
