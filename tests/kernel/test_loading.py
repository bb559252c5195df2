import subprocess
import sys

_TWO_WAYS_IN = """
import importlib, sys, threading
from seatrial.kernel.loading import ONE_AT_A_TIME

sys.setswitchinterval(1e-5)
failed = []

def load(name):
    with ONE_AT_A_TIME:
        try:
            importlib.import_module(name)
        except ImportError as error:
            failed.append(f"{name}: {error}")

threads = [threading.Thread(target=load, args=(name,)) for name in ("numpy", "numpy.typing")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit("; ".join(failed) or 0)
"""


def test_two_threads_that_enter_a_package_at_different_places_both_get_all_of_it():
    """Without taking turns: cannot import name 'NDArray' from partially initialized module."""
    done = subprocess.run(
        [sys.executable, "-c", _TWO_WAYS_IN], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_module_may_be_loaded_by_what_is_loaded():
    from seatrial.kernel.loading import ONE_AT_A_TIME

    with ONE_AT_A_TIME, ONE_AT_A_TIME:
        pass
