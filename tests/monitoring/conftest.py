"""The deployment's files for Prometheus and Grafana, and the services that they are about."""

from tests.integration.conftest import running

__all__ = ["running"]
