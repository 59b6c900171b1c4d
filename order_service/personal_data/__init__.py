"""What the house holds about one person: read out, and erased."""
