"""What comparing two versions costs, and how often it errs."""
