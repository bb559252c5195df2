"""gRPC's way into the data plane: a port, its services and their messages."""
