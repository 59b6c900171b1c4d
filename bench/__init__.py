"""What Expedite does in a second: `make bench`. Nothing that runs imports this package."""
