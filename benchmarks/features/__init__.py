"""What looking features up adds to a prediction, beside Feast's own reads.

Start it with ``python -m benchmarks.features``; it needs ``redis-server``, and PostgreSQL where
``SEATRIAL_TEST_POSTGRES_URL`` names one (``.ci/with-postgres``).
"""
