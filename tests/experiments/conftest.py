"""Lets the tests of experiments share `experiment_units`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
