"""The outbox: what was decided is also announced, whatever dies."""
