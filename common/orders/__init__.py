"""Orders: their rules, their tables, and what is said about them."""
