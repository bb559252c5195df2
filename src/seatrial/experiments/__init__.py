"""A/B tests: design, assignment, outcomes, judgement, report. Nothing is read or kept here."""
