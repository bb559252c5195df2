"""When to retrain: rules over facts."""
