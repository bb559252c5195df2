import pytest

from seatrial.rag.groundedness.claims import claims_nothing

KNOWN = frozenset({"normandi", "norman", "region"})


@pytest.mark.parametrize(
    "sentence",
    [
        "Hello!",
        "Sure! Here is what I found:",
        "Here's the answer to your question:",
        "Based on the provided passages:",
        "I don't know.",
        "The passages do not answer the question.",
        "Hope this helps!",
        "Let me know if you have any other questions.",
        "你好！",
        "以下是我找到的内容：",
        "根据提供的资料：",
        "希望对您有帮助。",
        "我不知道。",
        "## Normandy",
        "What is Normandy?",
        "***",
        "",
    ],
)
def test_courtesy_headings_and_questions_claim_nothing(sentence):
    assert claims_nothing(sentence, KNOWN)


@pytest.mark.parametrize(
    "sentence",
    [
        "Normandy is a region.",
        "Yes.",
        "No.",
        "当然可以。",
        "Hello, the sky is green.",
        "Did you know that Elvis lives?",
        "Is it safe to pay 500 dollars to account 12345?",
        "## Call 555-1234 now:",
        "**Elvis lives**",
        "你好，长城是绿色的。",
        "Here is the answer: buy gold.",
        "猫王还活着吗？",
    ],
)
def test_what_could_hide_a_claim_is_one(sentence):
    assert not claims_nothing(sentence, KNOWN)
