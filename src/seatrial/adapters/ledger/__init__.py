"""The gateway's ledger of spending, on one machine and on several."""
