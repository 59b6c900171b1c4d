"""PostgreSQL: connections, sessions and statements whose every wait is bounded."""
