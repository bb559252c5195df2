"""What is shipped: signatures, scans, bundles and versions."""
