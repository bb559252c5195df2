"""Classes of protobuf messages made from a table, in a pool of their own: docs/adr/0046 says why.

A table has messages, nested ones by their outer one's name and a dot, and their fields: a type, or
another message, before it ``repeated`` or ``map`` (of strings to it). Fields are numbered in their
order; where that is not so, the number follows: ``repeated int64 = 10``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.kernel.errors import MissingExtra

Table = Mapping[str, Mapping[str, str]]


def message_classes(
    file: str, package: str, table: Table, *, one_of: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    """The classes by the names of the table.

    Args:
        file: a name of its own.
        one_of: messages of whose fields only one is set, and what that choice is called.
    Raises: MissingExtra.
    """
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError:
        raise MissingExtra("google.protobuf", "grpc") from None
    described = descriptor_pb2.FileDescriptorProto(name=file, package=package, syntax="proto3")
    made: dict[str, Any] = {}
    for name, fields in table.items():
        outer, _, inner = name.rpartition(".")
        made[name] = (made[outer].nested_type if outer else described.message_type).add(name=inner)
        if choice := (one_of or {}).get(name):
            made[name].oneof_decl.add(name=choice)
        _fill(made[name], f".{package}", name, fields)
        if made[name].oneof_decl:
            for field in made[name].field:
                field.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(described.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in table
    }


def _fill(message: Any, package: str, name: str, fields: Mapping[str, str]) -> None:
    for place, (field, said) in enumerate(fields.items(), 1):
        words, _, number = said.partition(" = ")
        rule, _, kind = words.rpartition(" ")
        one = message.field.add(name=field, number=int(number or place))
        one.label = one.LABEL_REPEATED if rule else one.LABEL_OPTIONAL
        if rule == "map":
            entry = f"{field.title().replace('_', '')}Entry"
            pairs = message.nested_type.add(name=entry)
            pairs.options.map_entry = True
            _fill(pairs, package, "", {"key": "string", "value": kind})
            kind = f"{name}.{entry}"
        if kind[0].isupper():
            one.type, one.type_name = one.TYPE_MESSAGE, f"{package}.{kind}"
        else:
            one.type = getattr(one, f"TYPE_{kind.upper()}")
