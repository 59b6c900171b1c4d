"""What a service says of itself: log lines and metrics."""
