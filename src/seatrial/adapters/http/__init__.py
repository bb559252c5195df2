"""HTTP/1.1 as a client, with bounds on everything."""
