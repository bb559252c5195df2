"""Lets the tests of the pages share `docs_blocks`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
