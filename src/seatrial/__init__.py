"""seatrial takes a trained model to production behind gates that ask for evidence."""

__version__ = "0.1.0"
