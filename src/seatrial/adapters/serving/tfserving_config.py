"""The list of models that TensorFlow Serving serves: its ``models.config``, read and written.

Versions are added to it and none is taken out, for a server unloads what it does not name.
Source: https://github.com/tensorflow/serving, tensorflow_serving/config/model_server_config.proto
and file_system_storage_path_source.proto.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from seatrial.adapters.grpc.protobuf_table import Table, message_classes

MARK: Final = "# Written by seatrial, which adds to it; without this line it is left alone."
STABLE: Final = "stable"
CANARY: Final = "canary"

_TABLE: Final[Table] = {
    "Policy": {
        "latest": "Policy.Latest = 100",
        "all": "Policy.All = 101",
        "specific": "Policy.Specific = 102",
    },
    "Policy.Latest": {"num_versions": "uint32"},
    "Policy.All": {},
    "Policy.Specific": {"versions": "repeated int64"},
    "ModelConfig": {
        "name": "string",
        "base_path": "string",
        "model_platform": "string = 4",
        "model_version_policy": "Policy = 7",
        "version_labels": "map int64 = 8",
    },
    "ModelConfigList": {"config": "repeated ModelConfig"},
    "ModelServerConfig": {"model_config_list": "ModelConfigList"},
}


class NotOurs(Exception):
    """The file is a person's, or has what is not understood here."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Args: text: the file's. label: that the version has now; None where both are taken."""

    text: str
    label: str | None


def with_version(text: str, *, name: str, base_path: str, version: int) -> Listed:
    """The file with a version in it.

    A label that is in use is not moved: a server moves one only to a version that it has loaded.

    Args:
        text: of the file as it is; empty where there is none.
        base_path: absolute, of the folder with the versions; kept where the file names another.
    Raises: NotOurs, MissingExtra.
    """
    classes = message_classes(
        "seatrial/tensorflow_serving_config.proto",
        "tensorflow.serving",
        _TABLE,
        one_of={"Policy": "policy_choice"},
    )
    from google.protobuf import text_format

    if text and not text.startswith(MARK):
        raise NotOurs("it was not written by seatrial")
    try:
        whole = text_format.Parse(text, classes["ModelServerConfig"]())
    except text_format.ParseError as error:
        raise NotOurs(str(error)) from error
    models = whole.model_config_list.config
    model = next((known for known in models if known.name == name), None)
    if model is None:
        model = models.add(name=name, base_path=base_path, model_platform="tensorflow")
        model.model_version_policy.specific.SetInParent()
    label = _listed(model, version)
    return Listed(f"{MARK}\n{text_format.MessageToString(whole, as_utf8=False)}", label)


def _listed(model: Any, version: int) -> str | None:
    policy, labels = model.model_version_policy, model.version_labels
    if policy.HasField("specific") and version not in policy.specific.versions:
        policy.specific.versions.append(version)
    free = next((label for label in (STABLE, CANARY) if label not in labels), None)
    if free is not None:
        labels[free] = version
    return free
