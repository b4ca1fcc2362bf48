"""Pages and webhooks over HTTP."""
