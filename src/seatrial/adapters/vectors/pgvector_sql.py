"""What is asked of PostgreSQL with pgvector: conditions, words, and words with vectors, in SQL."""

from __future__ import annotations

import json
from collections import defaultdict

from seatrial.adapters.vectors.sparse import Sparse
from seatrial.rag.index.conditions import And, Condition, Equals, In, Not, Or, Range
from seatrial.rag.index.reading import Scope

_NUMBERS = 1_000_000_000
"""Of a ``sparsevec``, the most there may be."""
SPARSE = f"sparsevec({_NUMBERS})"
NOTHING_TOLD = f"{{}}/{_NUMBERS}"


def hybrid_statement(table: str, where: str) -> str:
    """The best rows by vector and by words: their keys and scores.

    Its values: those of the condition, the vector, how many; the words' numbers, those of the
    condition, what words tell, how many; half the share of the vector, the vector, what words tell,
    how many.
    """
    return f"""
WITH near AS (
    SELECT key FROM {table} WHERE {where} ORDER BY embedding <=> %s::vector LIMIT %s
),
worded AS (
    SELECT key FROM {table} WHERE said && %s::int[] AND {where}
    ORDER BY told <#> %s::sparsevec, key LIMIT %s
)
SELECT key, %s * (2 - (embedding <=> %s::vector)) - (told <#> %s::sparsevec) AS fused
FROM {table} WHERE key IN (SELECT key FROM near UNION SELECT key FROM worded)
ORDER BY fused DESC, key LIMIT %s
"""  # noqa: S608 - a name that was checked


def sparse_of(made: Sparse) -> tuple[list[int], str]:
    """The numbers of words, and what each tells, as PostgreSQL takes them."""
    told = defaultdict[int, float](float)
    for index, value in zip(made["indices"], made["values"], strict=True):
        told[index % _NUMBERS + 1] += value
    return sorted(told), f"{{{','.join(f'{n}:{told[n]!r}' for n in sorted(told))}}}/{_NUMBERS}"


def scoped(scope: Scope) -> tuple[str, list[object]]:
    """A condition in SQL, and its values in order."""
    parts, values = ["TRUE"], list[object]()
    if scope.readers is not None:
        parts.append("(readers IS NULL OR readers && %s::text[])")
        values.append([clean(one) for one in sorted(scope.readers)])
    if scope.where is not None:
        parts.append(_sql(scope.where, values))
    return " AND ".join(parts), values


def _sql(condition: Condition, values: list[object]) -> str:
    match condition:
        case Not(part):
            return f"NOT {_sql(part, values)}"
        case And(parts) | Or(parts):
            word, empty = (" AND ", "TRUE") if isinstance(condition, And) else (" OR ", "FALSE")
            return f"({word.join(_sql(part, values) for part in parts) or empty})"
        case Equals(field, value):
            return _equal(field, value, values)
        case In(field, several):
            alike = " OR ".join(_equal(field, value, values) for value in several)
            return f"({alike or 'FALSE'})"
        case Range():
            return _between(condition, values)


def _equal(field: str, value: str | float, values: list[object]) -> str:
    """Containment: an array holds a value, 3 is 3.0, true is not 1, and nothing holds nothing."""
    values += [clean(field), as_json(clean(value) if isinstance(value, str) else value)]
    return "coalesce(meta -> %s @> %s::jsonb, FALSE)"


def _between(condition: Range, values: list[object]) -> str:
    """Each value that the field holds is compared with bounds of its own kind, in one pass."""
    bounds = [
        (sign, bound)
        for sign, bound in (
            (">", condition.gt),
            (">=", condition.gte),
            ("<", condition.lt),
            ("<=", condition.lte),
        )
        if bound is not None
    ]
    kinds = {isinstance(bound, str) for _, bound in bounds}
    if len(kinds) > 1:
        return "FALSE"
    of_text = kinds == {True}
    kind, held = ("string", "(e #>> '{}') COLLATE \"C\"") if of_text else ("number", "e::numeric")
    values += [clean(condition.field)] * 3
    tests = [f"jsonb_typeof(e) = '{kind}'"] if bounds else []
    for sign, bound in bounds:
        tests.append(f"{held} {sign} %s" if of_text else f"{held} {sign} %s::numeric")
        values.append(clean(bound) if isinstance(bound, str) else as_json(bound))
    # CASE, since the order of tests joined by AND is not promised and a cast may fail.
    test = (
        f"CASE WHEN {tests[0]} THEN {' AND '.join(tests[1:])} END"
        if bounds
        else "jsonb_typeof(e) <> 'null'"
    )
    return (
        "EXISTS (SELECT FROM jsonb_array_elements(CASE jsonb_typeof(meta -> %s) WHEN 'array' "
        f"THEN meta -> %s ELSE jsonb_build_array(meta -> %s) END) AS e WHERE {test})"
    )


def as_json(value: object) -> str:
    """JSON, in which infinity is a number beyond all floats: PostgreSQL's have no end."""
    return json.dumps(value).replace("Infinity", "1e999")


def clean(text: str) -> str:
    """A text as PostgreSQL can hold it: without NUL and halves of surrogate pairs."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode()
