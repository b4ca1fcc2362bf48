"""Breaking the product on purpose: real processes under load, a fault, and then the books are checked.

``python -m pytest tests/faults`` runs a few faults of every kind; ``make faults`` many, and prints a table.
"""
