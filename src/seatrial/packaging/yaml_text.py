"""YAML that means the same to every parser."""

from __future__ import annotations

from collections.abc import Mapping

import yaml


def dump(document: Mapping[str, object], *, comment: str) -> str:
    """One YAML document under a comment of one or more lines.

    Every text value stands in double quotes: which bare words are booleans or numbers (``on``,
    ``y``, ``1e3``) depends on the parser, and a model may be called any of them.
    """
    text = yaml.dump(
        _keyed(document), Dumper=_Dumper, sort_keys=False, width=4096, allow_unicode=False
    )
    header = "".join(f"# {line}\n" for line in comment.splitlines())
    return header + text


class _Key(str):
    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _: object) -> bool:
        """Write a repeated value out again: anchors are for people who like puzzles."""
        return True


def _keyed(data: object) -> object:
    if isinstance(data, Mapping):
        return {_Key(key): _keyed(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_keyed(value) for value in data]
    return data


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


def _plain(dumper: yaml.SafeDumper, key: _Key) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(key))


_Dumper.add_representer(str, _quoted)
_Dumper.add_representer(_Key, _plain)
