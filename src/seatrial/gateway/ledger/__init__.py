"""What is spent: budgets, reservations and settlements, and the records of use."""
