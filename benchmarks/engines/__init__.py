"""Engines side by side: the same two models served by seatrial and by its peers, in one run.

Start it with ``python -m benchmarks.engines`` (or ``make bench-engines``). What starts, checks,
loads and weighs a server is that of ``benchmarks.serving``; here are further servers, a model heavy
enough that the engine is not all there is to it, and that model with weights of 8 bits.
"""
