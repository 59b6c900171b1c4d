"""RabbitMQ: a connection whose every wait is bounded, and frames that are written together."""
