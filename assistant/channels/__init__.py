"""Ways in and out: LINE, Slack, the browser, the terminal. Adapters convert and decide nothing."""
