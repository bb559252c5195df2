"""Models in their own libraries; loaded only inside a model's child process."""
