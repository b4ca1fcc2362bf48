"""OneRoster 1.2 CSV in the Japan K-12 profile (1EdTech, v1.0 of 2026-03-01), bulk and delta."""
