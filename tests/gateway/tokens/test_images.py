import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.messages import Image
from seatrial.gateway.tokens.images import UNKNOWN_IMAGE, image_rule, size_of_image

SIDES = st.integers(1, 12_000)
SIZES = st.tuples(SIDES, SIDES)
MODELS = [
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-4.1-mini",
    "gpt-5",
    "gpt-5-nano",
    "gpt-5.2",
    "gpt-5.5",
    "gpt-5.6-sol",
    "o1",
    "o4-mini",
    "claude-3-7-sonnet-20250219",
    "claude-opus-4-7",
    "llava",
]


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        # The examples of OpenAI's guide.
        ("gpt-4o", (1024, 1024), 765),
        ("gpt-4o", (2048, 4096), 1105),
        ("gpt-4o-2024-08-06", (512, 512), 255),
        ("gpt-4o-mini", (1024, 1024), 2833 + 4 * 5667),
        ("o1", (1024, 1024), 75 + 4 * 150),
        ("gpt-5-chat-latest", (1024, 1024), 70 + 4 * 140),
        ("gpt-4.1-mini", (1024, 1024), 1659),
        ("o4-mini", (1024, 1024), 1762),
        ("gpt-4.1-mini", (1800, 2400), 2353),
        ("gpt-5.6-sol", (4096, 4096), 128 * 128),
        # The examples of Anthropic's guide, by patches of 28 pixels.
        ("claude-sonnet-4-5", (200, 200), 64),
        ("claude-opus-4-20250514", (1000, 1000), 1296),
        ("claude-opus-4-7", (1000, 1000), 1296),
    ],
)
def test_an_image_counts_by_the_rule_of_its_model(model, size, tokens):
    assert image_rule(model).estimate(size, "high") == tokens


@given(st.sampled_from(MODELS), st.none() | SIZES, st.sampled_from(["auto", "low", "high"]))
def test_the_bound_is_never_below_the_estimate(model, size, detail):
    rule = image_rule(model)
    most = rule.bound(size, detail)
    assert rule.estimate(size, detail) >= 1
    assert most is None or most >= rule.estimate(size, detail)


@given(st.sampled_from(MODELS), SIZES)
def test_no_image_is_bound_by_more_than_one_of_unknown_size(model, size):
    rule = image_rule(model)
    most = rule.bound(None, "auto")
    assert most is None or rule.bound(size, "auto") <= most


@given(st.sampled_from(MODELS), SIZES)
def test_an_image_on_its_side_counts_the_same(model, size):
    rule = image_rule(model)
    assert rule.estimate(size, "high") == rule.estimate(size[::-1], "high")
    assert rule.bound(size, "high") == rule.bound(size[::-1], "high")


def test_a_scaled_image_stays_within_the_patches_of_its_model():
    for size in [(8000, 10), (10, 8000), (6000, 4000), (1, 100_000)]:
        assert image_rule("o4-mini").estimate(size, "high") <= 1536 * 1.72 + 1


def test_low_detail_is_cheap():
    assert image_rule("gpt-4o").estimate((4000, 4000), "low") == 85
    assert image_rule("gpt-5.5").estimate((4000, 4000), "low") == 256


def test_a_model_without_a_published_rule_has_an_estimate_and_no_bound():
    assert image_rule("llava").estimate((750, 1000), "auto") == 1000
    assert image_rule("llava").estimate(None, "auto") == UNKNOWN_IMAGE
    assert image_rule("llava").bound((750, 1000), "auto") is None
    assert image_rule("gpt-5.6-sol").bound(None, "auto") is None


GIF = "R0lGODlhAQABAAAAACw="


@pytest.mark.parametrize(
    ("image", "size"),
    [
        (Image(data=GIF), (1, 1)),
        (Image(url=f"data:image/gif;base64,{GIF}"), (1, 1)),
        (Image(url="https://example.com/a.gif"), None),
        (Image(data="nothing"), None),
    ],
)
def test_the_size_of_an_image_that_came_along_is_known(image, size):
    assert size_of_image(image) == size
