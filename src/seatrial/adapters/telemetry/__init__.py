"""What others read of us, and we of Prometheus."""
