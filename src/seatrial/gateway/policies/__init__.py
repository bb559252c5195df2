"""What a call goes through on its way to a vendor; each policy wraps a Provider and is one."""
