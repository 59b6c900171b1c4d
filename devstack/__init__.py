"""Finds or starts PostgreSQL and RabbitMQ on a bare machine, for `make run` and for the tests."""
