"""What is sent to people and systems, as far as more than one service must know it: notifier_service sends."""
