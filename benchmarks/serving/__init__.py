"""The serving benchmark: seatrial, its peers and a bare floor, measured in one run.

Start it with ``python -m benchmarks.serving`` (or ``make bench``); ``benchmarks/README.md`` says
how to read it. ``peers/`` has one file per server with its settings and the reason for each;
``apps/`` has what runs inside a server's own environment.
"""
