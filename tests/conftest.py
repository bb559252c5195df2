"""Settings of all tests."""

from hypothesis import settings

settings.register_profile("seatrial", deadline=None)  # how long a case takes is no assertion here
settings.load_profile("seatrial")
