"""What is true: the learning-data store, and typed questions answered from it."""
