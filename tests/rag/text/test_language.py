"""The language of a text is told by its script and its commonest words."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.text.language import language_of, script_shares
from seatrial.rag.text.language_words import LATIN_LETTERS, LATIN_WORDS

SAID = {
    "en": "The ship is tried at sea before it carries anybody, and what is found "
    "there is put right.",
    "de": "Das Schiff wird auf See geprüft, bevor es jemanden trägt, und was "
    "nicht stimmt, wird behoben.",
    "fr": "Le navire est essayé en mer avant de porter des passagers, et ce qui "
    "ne va pas est corrigé.",
    "es": "El barco se prueba en el mar antes de llevar a nadie, y lo que está mal se corrige.",
    "pt": "O navio é testado no mar antes de levar alguém, e o que não está certo é corrigido.",
    "it": "La nave viene provata in mare prima di portare qualcuno, e ciò che non va è corretto.",
    "nl": "Het schip wordt op zee getest voordat het iemand vervoert, en wat "
    "niet goed is wordt hersteld.",
    "sv": "Fartyget provas till sjöss innan det får bära någon, och det som inte är rätt åtgärdas.",
    "da": "Skibet bliver prøvet til søs, før det bærer nogen, og det, der ikke "
    "er rigtigt, bliver rettet.",
    "fi": "Laiva koetellaan merellä ennen kuin se kantaa ketään, ja se mikä ei "
    "ole kunnossa korjataan.",
    "pl": "Statek jest sprawdzany na morzu, zanim kogoś przewiezie, a to, co nie "
    "działa, jest naprawiane.",
    "cs": "Loď se zkouší na moři dříve, než někoho poveze, a co není v pořádku, to se opraví.",
    "ro": "Nava este încercată pe mare înainte de a purta pe cineva, iar ce nu "
    "este bine se repară.",
    "hu": "A hajót kipróbálják a tengeren, mielőtt bárkit szállítana, és ami nem "
    "jó, azt kijavítják.",
    "tr": "Gemi kimseyi taşımadan önce denizde denenir ve doğru olmayan şey düzeltilir.",
    "id": "Kapal itu diuji di laut sebelum membawa siapa pun, dan yang tidak "
    "benar akan diperbaiki.",
    "vi": "Con tàu được thử trên biển trước khi chở người, và những gì không đúng sẽ được sửa.",
    "ca": "El vaixell es prova al mar abans de portar ningú, i el que no està bé "
    "es corregeix amb cura.",
    "ru": "Корабль испытывают в море, прежде чем он кого-нибудь повезёт, и всё, "
    "что не так, исправляют.",
    "uk": "Корабель випробовують у морі, перш ніж він когось повезе, і все, що "
    "не так, виправляють.",
    "bg": "Корабът се изпитва в морето, преди да превози някого, и това, което "
    "не е наред, се поправя.",
    "zh": "船在载人之前要先在海上试航，发现的问题都会得到修正。",
    "ja": "船は人を乗せる前に海で試され、見つかった問題は直されます。",
    "ko": "배는 사람을 태우기 전에 바다에서 시험을 거치고 발견된 문제는 고쳐진다.",
    "el": "Το πλοίο δοκιμάζεται στη θάλασσα πριν μεταφέρει κάποιον.",
    "he": "הספינה נבחנת בים לפני שהיא נושאת אנשים.",
    "ar": "تُختبر السفينة في البحر قبل أن تحمل أحدا.",
    "fa": "کشتی پیش از آنکه کسی را حمل کند در دریا آزمایش می‌شود.",
    "ur": "جہاز کو لوگوں کو لے جانے سے پہلے سمندر میں آزمایا جاتا ہے۔",
    "hi": "जहाज़ को लोगों को ले जाने से पहले समुद्र में परखा जाता है।",
    "th": "เรือถูกทดสอบในทะเลก่อนที่จะบรรทุกผู้คน",
}  # fmt: skip


@pytest.mark.parametrize(("language", "text"), SAID.items())
def test_a_sentence_is_enough(language: str, text: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("船在載人之前要先在海上試航，發現的問題都會得到修正。", "zh"),  # traditional
        ("東京都庁舎展望室", "ja"),  # no kana: the shapes of characters tell
        ("東京駅の案内図", "ja"),
        ("中国", "zh"),
        ("《となりのトトロ》是日本的动画电影，在中国也很有名，它的导演是宫崎骏。", "zh"),
        ("我们用 Python 和 PostgreSQL 编写了这个服务的所有代码", "zh"),
        ("The word 図書館 is Japanese and means library, which is a house of books.", "en"),
        ("Он сказал: hello, и ушёл в море, чтобы больше не возвращаться.", "ru"),
        ("def main(args):\n    # is this the one?\n    return [x for x in args if not x]", "en"),
        ("12 345,67 – (2021-03-04) +++ ???", None),
        ("\U0001f600 \U0001f680\u200d\ud800", None),
        ("Qdrant Zyxel", None),
        ("", None),
        (" \r\n\t\u3000", None),
    ],
)
def test_the_larger_part_decides_and_what_tells_nothing_is_unknown(
    text: str, language: str | None
) -> None:
    assert language_of(text) == language


def test_a_long_text_is_judged_by_all_of_its_parts() -> None:
    assert (
        language_of("A preface in English, as it is the custom. " * 20 + SAID["zh"] * 300) == "zh"
    )


def test_shares_say_how_much_of_a_text_is_in_which_script() -> None:
    assert script_shares("ab 12 图 д") == {"Latin": 1 / 3, "Han": 1 / 2, "Cyrillic": 1 / 6}
    assert script_shares("plain") == {"Latin": 1.0}
    assert script_shares("123 …") == {}


@given(st.text(max_size=60))
def test_shares_sum_to_one_and_no_text_breaks_it(text: str) -> None:
    shares = script_shares(text)
    assert not shares or abs(sum(shares.values()) - 1) < 1e-9
    assert language_of(text) is None or shares


def by_counting(text: str) -> str | None:
    """What all scores say of a short text in Latin letters."""
    listed = {language: said.split() for language, said in LATIN_WORDS.items()}
    owners = Counter(word for said in listed.values() for word in set(said))
    scores: dict[str, float] = {}
    for word, n_times in Counter(re.findall(r"\w+", text.lower())).items():
        for language, said in listed.items():
            if word in said:
                short = 0.4 if len(word) == 1 else 1
                weight = (1 + 20 / (said.index(word) + 10)) / owners[word] * short
                scores[language] = scores.get(language, 0.0) + weight * n_times
    for letter, n_times in Counter(text.lower()).items():
        named = LATIN_LETTERS.get(letter, "").split()
        for language in named:
            scores[language] = scores.get(language, 0.0) + 1 / len(named) * n_times
    return max(scores, key=lambda language: scores[language], default=None)


COMMON = sorted({word for said in LATIN_WORDS.values() for word in said.split()})


@given(
    words=st.lists(
        st.one_of(
            st.sampled_from(COMMON),
            st.sampled_from(LATIN_WORDS["en"].split()),
            st.sampled_from(["Ships", "—", "o’clock", "snake_case", "über-all", "ß", "42"]),
        ),
        min_size=1,
        max_size=30,
    ),
    gap=st.sampled_from([" ", ", ", "-", "\n", " – ", "’"]),
)
def test_the_language_is_the_one_that_counting_all_words_and_letters_gives(
    words: list[str], gap: str
) -> None:
    text = gap.join(words)
    assert language_of(text) == by_counting(text)
