"""What a service says of itself: log lines, metrics and traces."""
