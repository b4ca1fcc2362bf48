"""One turn of conversation: what a person sent, in which state, becomes what is said and what is stored."""
