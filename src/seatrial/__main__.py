"""Makes ``python -m seatrial`` the same as the command ``seatrial``."""

from seatrial.cli import main

if __name__ == "__main__":
    main()
