"""A small made-up district, あゆみ市, to try everything with: roster, calendar and five weeks of check-ins."""
