"""Which imports a pickled model may make before anybody vouches for it.

Everything not listed is refused. Rules name single objects wherever a library mixes models with
functions that run code (numpy, scipy, pandas); only scikit-learn's model packages and the layers
of torch.nn are opened by shape: classes, and a few functions by name. Left out on purpose, because
each is a way to run or write something: ``numpy.memmap`` and ``numpy.load`` (files),
``scipy.stats.rv_*`` (``exec`` in ``__setstate__``), ``functools.partial``, ``operator.*``,
``builtins.getattr``, and every dotted name (``ndarray.tofile``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# The renamings of Python 2 that pickle itself applies to protocols 0 to 2, and that matter here.
_RENAMED_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}


@dataclass(frozen=True, slots=True, order=True)
class Import:
    """An object a pickle asks for.

    Args:
        module: where it is looked up, in Python 3's names.
        name: its name there; dotted names walk attributes.
    """

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def named(module: str, name: str) -> Import:
    """The import a pickle means by ``module`` and ``name``, Python 2 spellings included."""
    return Import(_RENAMED_MODULES.get(module, module), name)


UFUNC_RECONSTRUCT = frozenset(
    Import(f"numpy.{core}", "_ufunc_reconstruct") for core in ("core", "_core")
)
"""Old pickles' way to a ufunc: imports what its two arguments say, so those are judged instead."""

BOOSTERS = frozenset({Import("xgboost.core", "Booster"), Import("lightgbm.basic", "Booster")})
"""Made empty and then filled by every pickle; called with arguments, they read a file."""

ENCODE = Import("_codecs", "encode")
"""Protocols 0 to 2 write bytes as ``encode(text, "latin1")``; no other codec is allowed."""


def _each(module: str, names: str) -> set[Import]:
    return {Import(module, name) for name in names.split()}


_UFUNC_NAMES = """
    abs absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh cbrt ceil copysign cos
    cosh deg2rad degrees divide exp exp2 expm1 fabs float_power floor floor_divide fmax fmin fmod
    greater greater_equal heaviside hypot isfinite isinf isnan less less_equal log log10 log1p log2
    logaddexp logical_and logical_not logical_or maximum minimum mod multiply negative not_equal
    positive power rad2deg radians reciprocal remainder rint sign sin sinh sqrt square subtract tan
    tanh true_divide trunc"""
UFUNCS = frozenset(_UFUNC_NAMES.split())
"""numpy's elementwise functions that a FunctionTransformer may hold."""

_NUMPY_CORE = """_reconstruct scalar"""
_NUMPY_SCALARS = """bool bool_ float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32
    uint64 str_ bytes_ datetime64 timedelta64 longlong ulonglong intc"""
_NUMPY_ARRAYS = """ndarray dtype mean median max min sum amax amin clip nan_to_num asarray ravel"""
_BIT_GENERATORS = {"_mt19937": "MT19937", "_pcg64": "PCG64 PCG64DXSM", "_philox": "Philox"}
_SPARSE = {
    "_csr": "csr_matrix csr_array",
    "_csc": "csc_matrix csc_array",
    "_coo": "coo_matrix coo_array",
    "_dia": "dia_matrix dia_array",
    "_lil": "lil_matrix",
}
_BUILTINS = """object set frozenset list dict tuple int float str bytes bytearray complex bool slice
    range"""
_TORCH = """Size device Tensor float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 bool
    FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage
    CharStorage ByteStorage BoolStorage"""
_TORCH_UTILS = """_rebuild_tensor _rebuild_tensor_v2 _rebuild_parameter
    _rebuild_parameter_with_state"""
_TORCH_FUNCTIONS = """relu gelu silu elu selu leaky_relu softmax log_softmax sigmoid tanh"""
_XGBOOST = """XGBModel XGBClassifier XGBRegressor XGBRanker XGBRFClassifier XGBRFRegressor"""

_EXACT: frozenset[Import] = frozenset(
    _each("builtins", _BUILTINS)
    | _each("copyreg", "_reconstructor __newobj__ __newobj_ex__")
    | {ENCODE}
    | UFUNC_RECONSTRUCT
    | _each("collections", "OrderedDict defaultdict Counter deque")
    | _each("datetime", "date datetime time timedelta timezone")
    | _each("decimal", "Decimal")
    | _each("numpy", _NUMPY_SCALARS + " " + _NUMPY_ARRAYS + " " + _UFUNC_NAMES)
    | _each("numpy.core.multiarray", _NUMPY_CORE)
    | _each("numpy._core.multiarray", _NUMPY_CORE)
    | _each("numpy.core.numeric", "_frombuffer")
    | _each("numpy._core.numeric", "_frombuffer")
    | _each("numpy.dtypes", "StringDType")
    | _each("numpy.ma", "MaskedArray")
    | _each("numpy.ma.core", "_mareconstruct MaskedArray")
    | _each("numpy.random._pickle", "__randomstate_ctor __generator_ctor __bit_generator_ctor")
    | _each("numpy.random.bit_generator", "SeedSequence __pyx_unpickle_SeedSequence")
    | _each("numpy.random.mtrand", "RandomState")
    | _each("pandas.core.indexes.base", "Index _new_Index")
    | _each("pandas.core.indexes.range", "RangeIndex")
    | _each("scipy.interpolate._bsplines", "BSpline")
    | _each("scipy.interpolate._interpolate", "interp1d")
    | _each("scipy.interpolate.interpolate", "interp1d")
    | _each("scipy._lib.array_api_compat.numpy._aliases", "asarray")
    | _each("scipy.special._ufuncs", "expit logit boxcox log1p xlogy")
    | _each("scipy.special._special_ufuncs", "expit logit")
    | _each("sklearn.utils._bunch", "Bunch")
    | _each("sklearn.utils", "Bunch")
    | _each("sklearn.utils._metadata_requests", "MetadataRequest MethodMetadataRequest")
    | _each("sklearn.frozen._frozen", "FrozenEstimator")
    | _each("sklearn.compose._column_transformer", "make_column_selector")
    | _each("sklearn.cluster._kmeans", "_kmeans_single_lloyd _kmeans_single_elkan")
    | _each(
        "sklearn.feature_selection._univariate_selection",
        "f_classif f_regression f_oneway chi2 r_regression",
    )
    | _each("sklearn.feature_selection._mutual_info", "mutual_info_classif mutual_info_regression")
    | _each("joblib.numpy_pickle", "NumpyArrayWrapper")
    | _each("xgboost.core", "Booster")
    | _each("xgboost.sklearn", _XGBOOST)
    | _each("lightgbm.basic", "Booster")
    | _each("torch", _TORCH)
    | _each("torch._utils", _TORCH_UTILS)
    | _each("torch.nn.parameter", "Parameter Buffer UninitializedParameter")
    | _each("torch.nn.functional", _TORCH_FUNCTIONS)
    | _each("torch.storage", "UntypedStorage TypedStorage")
    | _each("lightgbm.sklearn", "LGBMModel LGBMClassifier LGBMRegressor LGBMRanker")
).union(
    *(_each(f"numpy.random.{module}", names) for module, names in _BIT_GENERATORS.items()),
    *(_each(f"scipy.sparse.{module}", names) for module, names in _SPARSE.items()),
)

_SKLEARN_MODELS = re.compile(
    r"sklearn\.(?:_loss|calibration|cluster|compose|covariance|cross_decomposition|decomposition"
    r"|discriminant_analysis|dummy|ensemble|feature_extraction|feature_selection"
    r"|gaussian_process|impute|isotonic|kernel_approximation|kernel_ridge|linear_model|manifold"
    r"|metrics|mixture|model_selection|multiclass|multioutput|naive_bayes|neighbors"
    r"|neural_network|pipeline|preprocessing|random_projection|semi_supervised|svm|tree)"
    r"(?:\.\w+)*"
)
_TORCH_MODULES = re.compile(r"torch\.nn\.modules\.\w+")
_CLASS = re.compile(r"_?[A-Z]\w*")
_CYTHON_CONSTRUCTOR = re.compile(r"newObj|__pyx_unpickle_\w+")
_SCORE_MODULE = re.compile(r"sklearn\.metrics\._(?:classification|regression|ranking)")
_SCORE = re.compile(r"\w+_(?:score|loss|error)")


def is_exact(wanted: Import) -> bool:
    """Whether the very name is listed."""
    return wanted in _EXACT


def is_model_class(wanted: Import) -> bool:
    """Whether the name has the shape of a class in scikit-learn's model packages or torch.nn."""
    home = _SKLEARN_MODELS.fullmatch(wanted.module) or _TORCH_MODULES.fullmatch(wanted.module)
    return bool(home and _CLASS.fullmatch(wanted.name))


def is_model_function(wanted: Import) -> bool:
    """Whether the name is a constructor Cython wrote, or a score, inside scikit-learn."""
    if _SCORE_MODULE.fullmatch(wanted.module) and _SCORE.fullmatch(wanted.name):
        return True
    return bool(
        _SKLEARN_MODELS.fullmatch(wanted.module) and _CYTHON_CONSTRUCTOR.fullmatch(wanted.name)
    )


def is_allowed(wanted: Import) -> bool:
    """Whether a model may make this import without anybody vouching for it."""
    return is_exact(wanted) or is_model_class(wanted) or is_model_function(wanted)
