"""What happens later: outbox, delivery, the planner, the clock."""
