"""The gateway benchmark: seatrial's, its peers and two floors, behind the same scripted upstream.

Start it with ``python -m benchmarks.gateway`` (or ``make bench-gateway``); ``benchmarks/README.md``
says how to read it. ``peers/`` has one file per gateway with its settings and the reason for each;
``apps/`` has what runs inside an environment of its own.
"""
