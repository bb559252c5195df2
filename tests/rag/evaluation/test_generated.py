"""Questions made from the text."""

import dataclasses

from seatrial.rag.evaluation.generated import generated, probes_of
from seatrial.rag.evaluation.questions import Question
from seatrial.rag.text.words import words


def test_they_are_the_same_every_time_and_in_any_order(ships):
    assert generated(ships, 20) == generated(ships[::-1], 20)


def test_each_document_is_asked_about_before_one_is_asked_twice(ships):
    documents = [next(iter(probe.question.relevant)) for probe in generated(ships, 20)]
    assert sorted(documents[:12]) == [ship.id for ship in ships]
    assert len(generated(ships, 100)) == 36  # there are no more sentences


def test_a_copy_is_not_asked_about_for_a_search_finds_the_first(ships):
    copies = [dataclasses.replace(ship, id=f"{ship.id}.copy") for ship in ships]
    assert [one.question for one in generated([*copies, *ships], 20)] == [
        one.question for one in generated(ships, 20)
    ]


def test_a_question_is_part_of_the_sentence_that_answers_it(ships):
    texts = {ship.id: ship.text for ship in ships}
    for probe in generated(ships, 36):
        (name,) = probe.question.relevant
        answer = texts[name][slice(*probe.span)]
        asked = probe.question.text.split()
        assert answer.endswith(".")
        assert set(asked) < set(answer.replace(".", "").replace(",", "").split())
        assert 3 <= len(asked) <= len(words(answer)) / 2 + 1


def test_the_rarest_word_is_left_out(ships):
    """It would give the sentence away: here, the number that no other document has."""
    for probe in generated(ships, 36):
        assert not any(letter.isdigit() for letter in probe.question.text)


def test_a_heading_asks_for_what_stands_below_it(headed):
    texts = {probe.question.text: probe.span for probe in generated([headed], 5)}
    start, end = texts["Parts Keel"]
    assert headed.text[start:end] == (
        "It is the lowest part of the ship and carries the frames above it."
    )


def test_chinese_sentences_lose_half_of_their_characters(ships):
    text = "海试是新船交付之前的航行试验，由船厂和船东共同进行，以检查船体、机器和设备。"
    document = type(ships[0])(
        id="z", text=text, title="", source="z", format="text", language="zh", digest="z"
    )
    (probe,) = generated([document], 3)
    assert len("".join(probe.question.text.split())) <= len(text) * 0.6


def test_short_texts_have_no_questions(ships):
    assert generated([], 5) == []
    empty = type(ships[0])(
        id="e", text="Too short.", title="", source="", format="text", language="en", digest="e"
    )
    assert generated([empty], 5) == []


def test_questions_of_people_are_asked_about_documents():
    question = Question(id="1", text="Who?", relevant={"a": 1})
    assert probes_of([question])[0].span is None
