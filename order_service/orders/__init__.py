"""Orders: what one may look like, placing, reading and cancelling them, and finding those that got lost."""
