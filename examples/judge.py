"""Ask the judge yourself: a canary with 180 answers and no error is no proof of 0.1 %.

Prints:

180 answers: inconclusive
3,478 answers: pass
12 answers, 6 errors: fail
"""

import numpy as np

import seatrial

gates = seatrial.Gates(gates=(seatrial.ErrorRateGate(limit=0.001),), alpha=0.05)
rng = np.random.default_rng(1)


def measured(n: int, n_errors: int = 0) -> seatrial.Summary:
    """What a canary did: latencies in seconds, and errors by kind."""
    latencies_s = rng.gamma(4.0, 0.002, n)
    return seatrial.Summary.of(latencies_s, errors={"timeout": n_errors} if n_errors else {})


print("180 answers:", seatrial.judge(gates, measured(180), None).outcome)
print("3,478 answers:", seatrial.judge(gates, measured(3_478), None).outcome)
print("12 answers, 6 errors:", seatrial.judge(gates, measured(12, 6), None).outcome)
