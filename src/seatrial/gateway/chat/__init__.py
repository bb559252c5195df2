"""What goes through the gateway, whoever speaks: requests, replies, streams, failures, the port."""
