import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.tokens.estimate import CLAUDE, RECENT, EstimatingEncoder

# The first article of the Universal Declaration of Human Rights and some code, with counts by the
# tokenizer Anthropic published for Claude 2, and by those of DeepSeek V4 and Qwen 3.5.
TEXTS = {
    "english": (
        "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and should act towards one another in a spirit of brotherhood.",
        33,
        33,
        33,
    ),
    "german": (
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
        50,
        43,
        38,
    ),
    "turkish": (
        "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler.",
        69,
        64,
        45,
    ),
    "russian": (
        "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и должны поступать в отношении друг друга в духе братства.",
        89,
        46,
        42,
    ),
    "greek": (
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι με λογική και συνείδηση, και οφείλουν να συμπεριφέρονται μεταξύ τους με πνεύμα αδελφοσύνης.",
        210,
        92,
        68,
    ),
    "arabic": (
        "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. وقد وهبوا عقلاً وضميرًا وعليهم أن يعامل بعضهم بعضًا بروح الإخاء.",
        109,
        45,
        42,
    ),
    "hindi": (
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है । उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए ।",
        201,
        92,
        115,
    ),
    "thai": (
        "มนุษย์ทั้งปวงเกิดมามีอิสระและเสมอภาคกันในศักดิ์ศรีและสิทธิ ต่างในตนมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยจิตวิญญาณแห่งภราดรภาพ",
        240,
        52,
        74,
    ),
    "korean": (
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다.",
        95,
        57,
        47,
    ),
    "chinese": (
        "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
        49,
        27,
        27,
    ),
    "amharic": (
        "የሰው፡ልጅ፡ሁሉ፡ሲወለድ፡ነጻና፡በክብርና፡በመብትም፡እኩልነት፡ያለው፡ነው።፡የተፈጥሮ፡ማስተዋልና፡ሕሊና፡ስላለው፡አንዱ፡ሌላውን፡በወንድማማችነት፡መንፈስ፡መመልከት፡ይገባዋል።",
        305,
        233,
        180,
    ),
    "french": (
        "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
        54,
        50,
        44,
    ),
    "japanese": (
        "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。",
        87,
        51,
        43,
    ),
    "vietnamese": (
        "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi. Mọi con người đều được tạo hoá ban cho lý trí và lương tâm và cần phải đối xử với nhau trong tình anh em.",
        131,
        74,
        47,
    ),
    "python": (
        "def mean(values: list[float]) -> float:\n    if not values:\n        raise ValueError('no values')\n    return sum(values) / len(values)\n",
        36,
        32,
        35,
    ),
    "json": (
        '{"id": 17, "name": "Ada Lovelace", "tags": ["first", "second"], "score": 0.917, "nested": {"ok": true}}',
        38,
        41,
        43,
    ),
}

ENCODERS = {"claude": EstimatingEncoder(CLAUDE), "recent": EstimatingEncoder(RECENT)}


@pytest.mark.parametrize(("text", "claude", "deepseek", "qwen"), TEXTS.values(), ids=TEXTS.keys())
def test_an_estimate_is_near_what_the_tokenizers_count(text, claude, deepseek, qwen):
    assert ENCODERS["claude"].count(text) == pytest.approx(claude, rel=0.35)
    assert ENCODERS["recent"].count(text) == pytest.approx((deepseek + qwen) / 2, rel=0.35)


def test_estimates_are_closer_than_a_quarter_of_the_bytes():
    """In the sum of errors relative to the count, over all texts."""
    mine = bytes_over_four = 0.0
    for text, claude, deepseek, qwen in TEXTS.values():
        recent = (deepseek + qwen) / 2
        mine += abs(ENCODERS["claude"].count(text) / claude - 1)
        mine += abs(ENCODERS["recent"].count(text) / recent - 1)
        for count in (claude, recent):
            bytes_over_four += abs(len(text.encode()) / 4 / count - 1)
    assert mine < bytes_over_four / 2.5


@given(st.text())
def test_an_estimate_lies_between_one_and_the_bytes(text):
    for encoder in ENCODERS.values():
        assert bool(text) <= encoder.count(text) <= encoder.bound(text)


def test_a_lone_surrogate_is_counted_like_any_character():
    for encoder in ENCODERS.values():
        assert 1 <= encoder.count("\ud800") <= encoder.bound("\ud800") == 3


def test_it_says_that_it_is_not_exact():
    assert not EstimatingEncoder().exact


@given(st.text(max_size=80), st.integers(0, 60))
def test_a_cut_text_is_a_beginning_that_fits(text, most):
    for encoder in ENCODERS.values():
        cut = encoder.cut(text, most)
        assert text.startswith(cut)
        assert encoder.count(cut) <= most
        if encoder.count(text) <= most:
            assert cut == text


def test_a_cut_leaves_as_much_as_fits():
    encoder = ENCODERS["recent"]
    text = "all human beings are born free and equal " * 100
    cut = encoder.cut(text, 300)
    assert encoder.count(cut) in (299, 300)
