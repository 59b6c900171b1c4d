"""What every service needs, and no business rule of a single one."""
