"""How well retrieval, answers and their checks do, beside their peers."""
