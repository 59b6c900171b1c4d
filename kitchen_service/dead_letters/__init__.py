"""Dead letters: messages that nobody could process."""
