"""What stands around a provider: each policy wraps one, and is one."""
