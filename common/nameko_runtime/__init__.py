"""How a service lives on Nameko: what differs from Nameko's own, and the probes of all services."""
