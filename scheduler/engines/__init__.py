"""What wakes the work. The tables hold the truth, so an engine may forget everything."""
