"""What is kept about people: its kinds, how long, and what they can ask for."""
