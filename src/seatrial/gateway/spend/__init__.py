"""What people look at of spending: sums of the ledger, budgets and where they lead, troubles."""
