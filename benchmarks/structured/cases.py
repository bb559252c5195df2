"""Bad outputs of twelve kinds, with the truth they were made from.

A case has the data a model had in mind, which may be wrong, and the text it wrote of it, which may
be no JSON. Kinds hold several variants each, some of which cannot be read without asking again.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Literal

import msgspec
from pydantic import BaseModel, Field

from seatrial.gateway.chat.response import FinishReason

SEED = 2_026
N_CASES = 200

Data = dict[str, object]


class Line(BaseModel):
    sku: str
    count: int = Field(ge=1)
    price: float = Field(ge=0)
    gift: bool = False


class Person(BaseModel):
    name: str
    email: str | None = None


class Order(BaseModel):
    """What the answers should be."""

    id: int
    status: Literal["open", "paid", "shipped"]
    customer: Person
    lines: list[Line] = Field(min_length=1)
    note: str
    express: bool
    discount: float | None = None


class Case(msgspec.Struct, frozen=True):
    """One bad output.

    Args:
        truth: what the answer should be.
        meant: the data the model had in mind.
        text, reason: what it answered.
    """

    kind: str
    truth: Data
    meant: Data
    text: str
    reason: FinishReason = FinishReason.STOP


class Written(msgspec.Struct, frozen=True):
    """How a kind spoils an answer."""

    text: str
    meant: Data
    reason: FinishReason = FinishReason.STOP


def truth_of(chance: random.Random) -> Data:
    """An order."""
    words = [
        "nut",
        "bolt",
        "it's fine",
        'a "special" offer',
        "Grüße",
        "两个",
        "50 % off",
        "a\nb",
        "",
    ]
    lines = [
        {
            "sku": f"{chance.choice('ABC')}-{chance.randint(1, 99):03}",
            "count": chance.randint(1, 20),
            "price": round(chance.uniform(0, 99), 2),
            "gift": chance.random() < 0.3,
        }
        for _ in range(chance.randint(1, 4))
    ]
    return {
        "id": chance.randint(1, 99_999),
        "status": chance.choice(["open", "paid", "shipped"]),
        "customer": {
            "name": chance.choice(["Ann", "O'Neil", "王芳", "Zoë {Z}"]),
            "email": chance.choice([None, "a@example.com"]),
        },
        "lines": lines,
        "note": chance.choice(words),
        "express": chance.random() < 0.5,
        "discount": chance.choice([None, 0.1, 5.0]),
    }


def strict(data: Data, chance: random.Random) -> str:
    """Strict JSON, in one of the usual layouts."""
    return json.dumps(
        data, ensure_ascii=chance.random() < 0.3, indent=chance.choice([None, None, 2, 4])
    )


def fences(data: Data, chance: random.Random) -> Written:
    frame = chance.choice(["```json\n{}\n```", "```\n{}\n```", "```JSON\n{}\n```\n", "```json\n{}"])
    return Written(frame.replace("{}", strict(data, chance), 1), data)


def prose(data: Data, chance: random.Random) -> Written:
    frame = chance.choice(
        [
            "Sure! Here is the order:\n\n@",
            "@\n\nLet me know if you need anything else.",
            "The fields {id, status} are set [see the text]. Result: @ Done.",
            'An order looks like {"type": "object"}. This one is:\n@',
            "<answer>@</answer>",
            'Before: @\n\nAfter the correction: {"id": 1, "status": "open"',
        ]
    )
    return Written(frame.replace("@", strict(data, chance)), data)


def trailing_commas(data: Data, chance: random.Random) -> Written:
    text = json.dumps(data, indent=2, ensure_ascii=False)
    places = [i for i in range(1, len(text)) if text[i] in "}]" and text[i - 1] == " "]
    places += [i for i in range(1, len(text)) if text[i] in "}]" and text[i - 1] == "\n"]
    for at in sorted(chance.sample(places, chance.randint(1, len(places))), reverse=True):
        end = len(text[:at].rstrip())
        text = f"{text[:end]},{text[end:]}"
    if chance.random() < 0.2:
        text = text.replace(",\n", ",,\n", 1)
    return Written(text, data)


def single_quotes(data: Data, chance: random.Random) -> Written:
    if chance.random() < 0.7:
        return Written(repr(data), data)
    plain = json.dumps(data, ensure_ascii=False)
    return Written(plain.replace('\\"', "\0").replace('"', "'").replace("\0", '"'), data)


def wrong_types(data: Data, chance: random.Random) -> Written:
    meant = copy.deepcopy(data)
    line = chance.choice(_lines(meant))
    change: tuple[Data, str, object] = chance.choice(
        [
            (meant, "id", str(data["id"])),
            (line, "count", str(line["count"])),
            (line, "count", float(str(line["count"]))),
            (line, "price", str(line["price"])),
            (meant, "express", str(data["express"])),
            (meant, "lines", json.dumps(data["lines"])),
            (line, "count", "a dozen"),
            (line, "price", f"{line['price']} EUR"),
            (meant, "express", 1),
            (meant, "note", 7),
            (meant, "customer", "Ann"),
        ]
    )
    holder, key, value = change
    holder[key] = value
    return Written(strict(meant, chance), meant)


def missing_keys(data: Data, chance: random.Random) -> Written:
    meant = copy.deepcopy(data)
    line = chance.choice(_lines(meant))
    for holder, key in chance.sample(
        [(meant, "id"), (meant, "note"), (line, "sku"), (line, "price"), (meant, "customer")],
        chance.randint(1, 2),
    ):
        holder.pop(key, None)
    return Written(strict(meant, chance), meant)


def cut_off(data: Data, chance: random.Random) -> Written:
    text = json.dumps(data, ensure_ascii=False)
    if chance.random() < 0.3:
        order = {key: value for key, value in data.items() if key != "lines"}
        text = json.dumps({**order, "lines": data["lines"]}, ensure_ascii=False)
        return Written(text[: -chance.randint(1, 2)], data)
    at = chance.randint(1, len(text) - 1)
    reason = FinishReason.STOP if chance.random() < 0.3 else FinishReason.CUT
    return Written(text[:at], data, reason)


def not_numbers(data: Data, chance: random.Random) -> Written:
    meant = copy.deepcopy(data)
    line = chance.choice(_lines(meant))
    holder, key = chance.choice([(meant, "discount"), (line, "price")])
    holder[key] = chance.choice([float("nan"), float("inf"), float("-inf")])
    return Written(strict(meant, chance), meant)


def duplicated_keys(data: Data, chance: random.Random) -> Written:
    text = json.dumps(data, ensure_ascii=False)
    key = chance.choice(["id", "status", "note", "express"])
    again = data[key]
    if chance.random() < 0.5:
        others = {"id": 1, "status": "open", "note": "other", "express": not data["express"]}
        again = others[key]
    return Written(f"{text[:-1]}, {json.dumps({key: again}, ensure_ascii=False)[1:]}", data)


def wrong_enum(data: Data, chance: random.Random) -> Written:
    meant = copy.deepcopy(data)
    right = str(data["status"])
    wrong = ["pending", "complete", f"{right}.", f"is {right}", "bezahlt"]
    meant["status"] = chance.choice([right.upper(), right.title(), f" {right} ", *wrong])
    return Written(strict(meant, chance), meant)


def nested_error(data: Data, chance: random.Random) -> Written:
    meant = copy.deepcopy(data)
    for line in chance.sample(_lines(meant), min(2, len(_lines(meant)))):
        key, value = chance.choice(
            [
                ("price", -1.0),
                ("count", 0),
                ("sku", None),
                ("gift", "maybe"),
                ("count", str(line["count"])),
            ]
        )
        line[key] = value
    customer = meant["customer"]
    if isinstance(customer, dict) and chance.random() < 0.5:
        customer["name"] = None
    return Written(strict(meant, chance), meant)


def wrong_language(data: Data, chance: random.Random) -> Written:
    text = json.dumps(data, ensure_ascii=False)
    choice = chance.randrange(6)
    if choice == 0:
        return Written(f"好的，这是订单：\n{text}\n如有问题请告诉我。", data)
    if choice == 1:
        return Written(
            f"Natürlich! Hier die Bestellung {{siehe unten}}:\n```json\n{text}\n```", data
        )
    if choice == 2:
        wide = text.replace('": ', "”：").replace(', "', "，“").replace('{"', "{“")
        return Written(wide, data)
    if choice == 3:
        meant = copy.deepcopy(data)
        meant["状态"] = meant.pop("status")
        return Written(json.dumps(meant, ensure_ascii=False), meant)
    if choice == 4:
        lines = [f"{key}: {json.dumps(value)}" for key, value in data.items()]
        return Written("\n".join(lines), data)
    return Written("Ich habe die Bestellung aufgenommen und gebe sie gleich weiter.", data)


def _lines(data: Data) -> list[Data]:
    lines = data["lines"]
    assert isinstance(lines, list)
    return lines


KINDS: dict[str, Callable[[Data, random.Random], Written]] = {
    "fences": fences,
    "prose around": prose,
    "trailing commas": trailing_commas,
    "single quotes": single_quotes,
    "wrong types": wrong_types,
    "missing keys": missing_keys,
    "cut off": cut_off,
    "NaN": not_numbers,
    "duplicated keys": duplicated_keys,
    "wrong enum": wrong_enum,
    "nested error": nested_error,
    "wrong language": wrong_language,
}


def cases(n: int = N_CASES, seed: int = SEED) -> list[Case]:
    """So many bad outputs, of each kind in turn; the same for the same seed."""
    chance = random.Random(seed)
    made = []
    for i in range(n):
        kind = list(KINDS)[i % len(KINDS)]
        truth = truth_of(chance)
        written = KINDS[kind](truth, chance)
        made.append(Case(kind, truth, written.meant, written.text, written.reason))
    return made
