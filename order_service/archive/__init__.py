"""Orders of long ago, out of the tables that are worked with and into one that an accountant can read."""
