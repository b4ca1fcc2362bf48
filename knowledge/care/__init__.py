"""What a school wants its staff to be pointed to: kinds of thresholds (data), rules, and what they found."""
