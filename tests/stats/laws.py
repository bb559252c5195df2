"""Laws that numbers of features follow, by name: each draws n from a generator."""

import numpy as np

LAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    "over many magnitudes": lambda rng, n: rng.lognormal(0, 5, n),
    "heavy tails": lambda rng, n: rng.standard_cauchy(n),
    "unix seconds": lambda rng, n: 1.7e9 + rng.uniform(0, 86_400, n),
    "cents": lambda rng, n: np.round(rng.gamma(2, 50, n), 2),
    "counts": lambda rng, n: rng.poisson(3, n).astype(float),
    "mostly zero": lambda rng, n: rng.exponential(size=n) * (rng.random(n) < 0.05),
    "constant": lambda rng, n: np.full(n, 5.0),
    "two humps": lambda rng, n: rng.normal(size=n) + 1e4 * (rng.random(n) < 0.5),
}
