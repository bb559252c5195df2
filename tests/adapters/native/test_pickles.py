"""Loading judges every import again, whatever the scan said."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer

from seatrial.adapters.native.pickles import load_pickle
from seatrial.adapters.picklescan import dangerous
from seatrial.registry.scan import ScanReport, scan
from seatrial.registry.unsafe import UnsafeModel

HARMLESS = pickle.dumps(1)


class Marker:
    """Would leave a file behind if it were loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return os.mkdir, (str(self.path),)


def report_of_something_else(tmp_path: Path, *, joblib_arrays: bool = False) -> ScanReport:
    """As if the scan had been fooled into seeing a harmless file."""
    path = tmp_path / "harmless.pkl"
    path.write_bytes(HARMLESS)
    report = scan(path, second_opinion=dangerous)
    return replace(report, joblib_arrays=joblib_arrays)


def test_a_pickle_that_fooled_the_scan_runs_nothing(tmp_path: Path) -> None:
    path, trace = tmp_path / "m.pkl", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Marker(trace)))
    with pytest.raises(UnsafeModel, match=r"posix\.mkdir"):
        load_pickle(path, report_of_something_else(tmp_path))
    assert not trace.exists()


def test_a_joblib_array_of_objects_that_fooled_the_scan_runs_nothing(tmp_path: Path) -> None:
    path, trace = tmp_path / "m.joblib", tmp_path / "trace"
    joblib.dump([np.array([Marker(trace)], dtype=object)], path)
    with pytest.raises(UnsafeModel, match=r"posix\.mkdir"):
        load_pickle(path, report_of_something_else(tmp_path, joblib_arrays=True))
    assert not trace.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
        b"csklearn.ensemble._forest\nParallel\n.",  # a class, but joblib's
        b"cnumpy.core\n_ufunc_reconstruct\n(S'os'\nS'system'\ntR.",
        b"cnumpy.core\n_ufunc_reconstruct\n(S'numpy'\nS'load'\ntR.",
        b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.",
    ],
)
def test_what_has_an_allowed_shape_but_is_something_else_is_refused(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(data)
    with pytest.raises(UnsafeModel):
        load_pickle(path, report_of_something_else(tmp_path))


@pytest.mark.parametrize("name", ["log", "log1p"])
def test_old_ways_to_a_ufunc_load(tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(b"cnumpy.core\n_ufunc_reconstruct\n(S'numpy'\nS'%s'\ntR." % name.encode())
    assert load_pickle(path, scan(path, second_opinion=dangerous)) is getattr(np, name)


@pytest.mark.parametrize("protocol", range(6))
def test_bytes_load_in_every_protocol(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "m.pkl"
    value = [b"\x00\xff", bytearray(b"x"), np.arange(3.0), np.float64(2), {1, 2}]
    path.write_bytes(pickle.dumps(value, protocol))
    loaded = load_pickle(path, scan(path, second_opinion=dangerous))
    assert str(loaded) == str(value)


def test_trust_loads_what_a_person_vouched_for(tmp_path: Path) -> None:
    path, trace = tmp_path / "m.pkl", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Marker(trace)))
    load_pickle(path, scan(path, trust=True, second_opinion=dangerous))
    assert trace.exists()


@pytest.mark.parametrize("compress", [0, 3, ("xz", 1)])
def test_joblib_files_come_back_equal(tmp_path: Path, compress: object) -> None:
    path = tmp_path / "m.joblib"
    value = {
        "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "s": np.array(["a", None], dtype=object),
        "record": np.zeros(2, dtype=[("a", "f8"), ("b", "i4")]),
        "t": FunctionTransformer(np.sqrt),
    }
    joblib.dump(value, path, compress=compress)
    loaded = load_pickle(path, scan(path, second_opinion=dangerous))
    assert isinstance(loaded, dict)
    for key in ("f", "s", "record"):
        np.testing.assert_array_equal(loaded[key], value[key])
    assert loaded["t"].func is np.sqrt
