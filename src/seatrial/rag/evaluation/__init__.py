"""How good an index answers: question sets, metrics with intervals, and analysis of a corpus."""
