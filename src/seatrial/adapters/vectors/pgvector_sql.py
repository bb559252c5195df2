"""What is asked of PostgreSQL with pgvector: conditions, words, and words with vectors, in SQL."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from hashlib import blake2b

from seatrial.rag.index.conditions import And, Condition, Equals, In, Not, Or, Range
from seatrial.rag.index.reading import Scope

_LAST_PLACE = 16_383
_LONGEST_WORD = 500


def hybrid_statement(table: str, where: str) -> str:
    """The best rows by vector and by words: their keys and scores.

    Its values: the vector, lexemes, how much each tells, those of the condition, how many, those of
    the condition, how many, the shares of the vector and of words, how many.
    """
    return f"""
WITH question AS (SELECT %s::vector AS v),
asked AS (SELECT w::tsquery AS q, tells FROM unnest(%s::text[], %s::float8[]) AS u(w, tells)),
near AS (
    SELECT key FROM {table} WHERE {where}
    ORDER BY embedding <=> (SELECT v FROM question) LIMIT %s
),
said AS (
    SELECT key, sum(tells * ts_rank(words, q)) AS score
    FROM asked JOIN {table} ON words @@ q WHERE {where}
    GROUP BY key ORDER BY score DESC, key LIMIT %s
),
found AS (
    SELECT t.key, (2 - (t.embedding <=> (SELECT v FROM question))) / 2 AS nearness,
        coalesce(said.score, 0) AS score
    FROM (SELECT key FROM near UNION SELECT key FROM said) AS either
    JOIN {table} AS t USING (key) LEFT JOIN said USING (key)
)
SELECT key, %s * nearness / coalesce(nullif(max(nearness) OVER (), 0), 1)
    + %s * score / coalesce(nullif(max(score) OVER (), 0), 1) AS fused
FROM found ORDER BY fused DESC, key LIMIT %s
"""  # noqa: S608 - a name that was checked


def tsvector(words: Sequence[str]) -> str:
    """Words as a ``tsvector`` has them, each with where it stands; 16,383 is the last place."""
    places = defaultdict[str, list[int]](list)
    for place, word in enumerate(words, 1):
        places[lexeme(word)].append(min(place, _LAST_PLACE))
    return " ".join(f"'{word}':{','.join(map(str, at))}" for word, at in places.items())


def lexeme(word: str) -> str:
    """A word as ``tsvector`` and ``tsquery`` take it between quotes; a very long one by its hash,
    since 2 KB is the most that they take."""
    data = word.encode("utf-8", "surrogatepass")
    if len(data) > _LONGEST_WORD or not word:
        return blake2b(data, digest_size=16).hexdigest()
    return clean(word).replace("\\", "\\\\").replace("'", "''")


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
