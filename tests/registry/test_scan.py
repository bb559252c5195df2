"""Files are judged by what they would do, and refused with the import's name."""

from __future__ import annotations

import bz2
import collections
import gzip
import io
import lzma
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from functools import partial
from pathlib import Path

import cloudpickle
import joblib
import lightgbm as lgb
import numpy as np
import pytest
import scipy.stats
import xgboost as xgb
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from seatrial.adapters.picklescan import dangerous
from seatrial.registry.compression import Compression, ModelTooLarge
from seatrial.registry.model_file import CorruptModel, FileFormat, NoSuchModel, UnknownFormat
from seatrial.registry.scan import ScanReport, scan
from seatrial.registry.unsafe import LostDefinition, UnsafeModel

X = np.abs(np.random.default_rng(0).normal(size=(40, 3))) + 0.1
Y = (X[:, 0] > 0.5).astype(int)


def scanned(path: Path, data: bytes, *, trust: bool = False, limit: int = 1 << 30) -> ScanReport:
    path.write_bytes(data)
    return scan(path, trust=trust, second_opinion=dangerous, limit=limit)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.pkl"


@pytest.fixture(scope="module")
def pipeline() -> object:
    steps = (FunctionTransformer(np.log1p), StandardScaler(), RandomForestClassifier(3))
    return make_pipeline(*steps).fit(X, np.array(["no", "yes"])[Y])


@pytest.mark.parametrize("protocol", range(6))
def test_a_pipeline_with_numpy_functions_passes_in_every_protocol(
    path: Path, pipeline: object, protocol: int
) -> None:
    report = scanned(path, pickle.dumps(pipeline, protocol))
    assert report.format is FileFormat.PICKLE
    assert "numpy.log1p" in report.imports
    assert report.outside == ()


@pytest.mark.parametrize(
    ("compress", "expected"),
    [
        (0, Compression.NONE),
        (("zlib", 3), Compression.ZLIB),
        (("gzip", 3), Compression.GZIP),
        (("bz2", 3), Compression.BZ2),
        (("xz", 3), Compression.XZ),
        (("lzma", 3), Compression.XZ),
    ],
)
def test_joblib_files_pass_whatever_their_packing(
    path: Path, pipeline: object, compress: object, expected: Compression
) -> None:
    joblib.dump(pipeline, path, compress=compress)
    report = scan(path, second_opinion=dangerous)
    assert (report.compression, report.joblib_arrays) == (expected, True)


def test_joblib_arrays_of_strings_are_followed_into_their_nested_pickles(path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> object:
            return os.system, ("true",)

    joblib.dump({"a": np.array(["x", Bomb()], dtype=object)}, path)
    with pytest.raises(UnsafeModel, match=r"posix\.system"):
        scan(path, second_opinion=dangerous)


def test_a_pipeline_by_cloudpickle_without_code_passes(path: Path, pipeline: object) -> None:
    assert scanned(path, cloudpickle.dumps(pipeline)).outside == ()


def test_a_function_that_cloudpickle_carries_is_refused_with_the_way_out(path: Path) -> None:
    model = make_pipeline(FunctionTransformer(lambda x: x + 1), LogisticRegression()).fit(X, Y)
    with pytest.raises(UnsafeModel, match="cloudpickle") as caught:
        scanned(path, cloudpickle.dumps(model))
    assert "Move that code into a module" in caught.value.remedy


# Each would run something, write something or reach something that could.
ESCAPES = {
    "os.system": b"cos\nsystem\n(S'true'\ntR.",
    "eval": b"cbuiltins\neval\n(S'1'\ntR.",
    "python 2 eval": b"c__builtin__\neval\n(S'1'\ntR.",
    "import": b"cbuiltins\n__import__\n(S'os'\ntR.",
    "getattr": b"cbuiltins\ngetattr\n(cnumpy\nndarray\nS'tofile'\ntR.",
    "inst": b"(S'true'\nios\nsystem\n.",
    "obj": b"(cos\nsystem\nS'true'\no.",
    "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
    "memo": b"\x80\x04\x8c\x06system\x940\x8c\x02os\x94h\x00\x93\x8c\x04true\x85R.",
    "memo of a tuple": b"\x80\x04\x8c\x02os\x8c\x06system\x86\x940\x8c\x02os\x8c\x06system\x93.",
    "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
    "dotted module": b"\x80\x04\x8c\x14sklearn.ensemble._gb\x8c\tnp.memmap\x93.",
    "runstring": b"cnumpy.testing._private.utils\nrunstring\n(S'1'\n}tR.",
    "f2py": b"cnumpy.f2py.crackfortran\n_eval_length\n(S'1'\n}tR.",
    "numpy.load": b"cnumpy\nload\n(S'x.npy'\ntR.",
    "numpy.memmap": b"cnumpy\nmemmap\n(S'x'\nS'uint8'\nS'w+'\ntR.",
    "ufunc import": b"cnumpy.core\n_ufunc_reconstruct\n(S'os'\nS'system'\ntR.",
    "scipy exec": b"cscipy.stats._distn_infrastructure\nrv_continuous\n)R.",
    "scipy frozen": b"cscipy.stats._continuous_distns\nnorm_gen\n)R.",
    "joblib.load": b"cjoblib\nload\n(S'x'\ntR.",
    "joblib memory": b"cjoblib.memory\nMemory\n(S'x'\ntR.",
    "old joblib array": b"cjoblib.numpy_pickle\nNDArrayWrapper\n(S'x'\nNtR.",
    "pandas.eval": b"cpandas\neval\n(S'1'\ntR.",
    "read_pickle": b"cpandas\nread_pickle\n(S'x'\ntR.",
    "partial": b"cfunctools\npartial\n(cos\nsystem\ntR.",
    "attrgetter": b"coperator\nattrgetter\n(S'system'\ntR.",
    "methodcaller": b"coperator\nmethodcaller\n(S'tofile'\nS'x'\ntR.",
    "sklearn testing": b"csklearn.utils._testing\nTempMemmap\n)R.",
    "sklearn datasets": b"csklearn.datasets._base\nload_files\n(S'/'\ntR.",
    "sklearn externals": b"csklearn.externals._arff\nArffDecoder\n)R.",
    "code": b"ctypes\nCodeType\n)R.",
    "ctypes": b"cctypes\nCDLL\n(S'x'\ntR.",
}


@pytest.mark.parametrize("data", ESCAPES.values(), ids=ESCAPES.keys())
def test_escapes_are_refused_and_named(path: Path, data: bytes) -> None:
    with pytest.raises(UnsafeModel) as caught:
        scanned(path, data)
    assert caught.value.facts["imports"]


def test_a_computed_import_is_refused(path: Path) -> None:
    # The module's name is what str("os") returns.
    data = b"\x80\x04\x8c\x08builtins\x8c\x03str\x93\x8c\x02os\x85R\x8c\x06system\x93."
    with pytest.raises(UnsafeModel, match="computes the name"):
        scanned(path, data)


def test_import_hidden_behind_a_harmless_stop_is_not_reached(path: Path) -> None:
    report = scanned(path, pickle.dumps(1) + b"cos\nsystem\n.")
    assert report.imports == ()


@pytest.mark.parametrize(
    ("suffix", "library"), [("json", "xgboost"), ("ubj", "xgboost"), ("txt", "lightgbm")]
)
def test_files_of_boosters_name_no_library_and_need_theirs(
    tmp_path: Path, suffix: str, library: str
) -> None:
    path = tmp_path / f"model.{suffix}"
    if library == "xgboost":
        xgb.XGBClassifier(n_estimators=2).fit(X, Y).save_model(path)
    else:
        lgb.LGBMClassifier(n_estimators=2, verbose=-1).fit(X, Y).booster_.save_model(path)
    report = scan(path, trust=False, second_opinion=dangerous, limit=1 << 20)
    assert (report.imports, report.modules) == ((), (library,))


def test_a_search_over_distributions_is_refused_with_the_way_out(path: Path) -> None:
    space = {"C": scipy.stats.uniform(0.1, 2)}
    search = RandomizedSearchCV(LogisticRegression(), space, n_iter=2, cv=2).fit(X, Y)
    with pytest.raises(UnsafeModel) as caught:
        scanned(path, pickle.dumps(search))
    assert "best_estimator_" in caught.value.remedy


def test_trust_lets_imports_through_and_keeps_them_in_the_report(path: Path) -> None:
    report = scanned(path, pickle.dumps(partial(os.path.join, "a")), trust=True)
    assert report.trusted
    assert "functools.partial" in report.imports
    assert "posixpath.join" in report.outside


def test_a_class_of_the_saving_script_is_a_lost_definition_even_when_trusted(path: Path) -> None:
    with pytest.raises(LostDefinition, match="'MyModel'") as caught:
        scanned(path, b"c__main__\nMyModel\n)R.", trust=True)
    assert "module" in caught.value.remedy


@pytest.mark.parametrize("keep", [1, 2, 20, 0.5, 0.99])
def test_a_truncated_pickle_is_corrupt(path: Path, pipeline: object, keep: float) -> None:
    data = pickle.dumps(pipeline)
    size = int(keep if keep >= 1 else len(data) * keep)
    with pytest.raises((CorruptModel, UnknownFormat)):
        scanned(path, data[:size])


def test_a_truncated_joblib_file_is_corrupt(path: Path, pipeline: object) -> None:
    joblib.dump(pipeline, path)
    data = path.read_bytes()
    with pytest.raises(CorruptModel, match="damaged"):
        scanned(path, data[: len(data) // 2])


def test_an_empty_file_is_corrupt(path: Path) -> None:
    with pytest.raises(CorruptModel, match="is empty"):
        scanned(path, b"")


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(NoSuchModel, match=r"model\.pkl"):
        scan(path, second_opinion=dangerous)


def archive(kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("data.pkl", bytes(1 << 20))
    else:
        with tarfile.open(fileobj=buffer, mode="w") as file:
            file.addfile(tarfile.TarInfo("../model.pkl"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"customer,age\n1,2\n", "no pickle"),
        (b"hello, this is a text.\n", "no pickle"),
        (b"(some) text in brackets\n", "no pickle"),
        (b"<html></html>", "no pickle"),
        (bytes(1000), "no pickle"),
        (archive("zip"), "zip archive"),
        (archive("tar"), "tar archive"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"binf" + bytes(100), "old binary format"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M", "before PyTorch 1.6"),
        (gzip.compress(b"a,b\n1,2\n" * 100, mtime=0), "no pickle"),
    ],
)
def test_what_is_no_model_is_called_what_it_is(path: Path, data: bytes, said: str) -> None:
    with pytest.raises((UnknownFormat, CorruptModel), match=said):
        scanned(path, data)


def test_the_name_of_the_file_says_nothing(tmp_path: Path, pipeline: object) -> None:
    report = scanned(tmp_path / "model.onnx", pickle.dumps(pipeline))
    assert report.format is FileFormat.PICKLE


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_a_bomb_stops_at_the_limit(path: Path, pack: object) -> None:
    size = 8 << 20
    bomb = pack(b"\x80\x04B" + struct.pack("<I", size) + bytes(size) + b".")  # type: ignore[operator]
    with pytest.raises(ModelTooLarge, match="1,048,576"):
        scanned(path, bomb, limit=1 << 20)


def test_a_sparse_giant_is_refused_unread(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"\x80\x04")
        file.truncate(10 << 30)
    with pytest.raises(ModelTooLarge):
        scan(path, second_opinion=dangerous)


@pytest.mark.parametrize(
    "claim",
    [
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62),
        b"\x80\x04\x8d" + struct.pack("<Q", (1 << 64) - 1),
        b"\x80\x04\x95" + struct.pack("<Q", 1 << 40),
        b"\x80\x02B" + struct.pack("<I", (1 << 32) - 1),
        b"\x80\x04\x94\x94h\xff.",
        b"\x80\x04R.",
        b"\x80\x04N\x93.",
        b"\x80\x04\x82\x01.",
        b"\x80\x02U\x01xQ.",
        b"\x80\x05\x97.",
    ],
)
def test_nonsense_opcodes_and_lengths_are_corrupt(path: Path, claim: bytes) -> None:
    with pytest.raises(CorruptModel):
        scanned(path, claim)


def test_a_string_or_a_number_imports_nothing(path: Path) -> None:
    assert scanned(path, pickle.dumps({"a": [1, 2.0, "x", None]})).imports == ()


def test_collections_of_the_standard_library_pass(path: Path) -> None:
    value = collections.OrderedDict(a=collections.Counter("aab"), b=collections.deque([1]))
    assert scanned(path, pickle.dumps(value)).outside == ()


def test_the_report_has_the_digest_of_the_file(path: Path) -> None:
    data = pickle.dumps(1)
    report = scanned(path, data)
    assert len(report.sha256) == 64


@pytest.mark.parametrize("code", ["os.system", "eval", "import"])
def test_nobody_is_told_how_to_load_what_no_model_needs(path: Path, code: str) -> None:
    with pytest.raises(UnsafeModel) as caught:
        scanned(path, ESCAPES[code])
    assert "--trust" not in caught.value.remedy
    assert "Do not load this file" in caught.value.remedy
