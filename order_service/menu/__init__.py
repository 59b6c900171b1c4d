"""The menu: what is on it, what it costs, and what is sold out."""
