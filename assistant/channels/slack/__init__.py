"""Slack: events, buttons, forms and commands in, Web API out."""
