"""Secrets and personal data are found, what only looks like them is not, in linear time."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.policies.sensitive import (
    Found,
    Sensitive,
    chinese_id,
    found,
    iban,
    luhn,
)

_MARK = re.compile(r"⟦(\w+):(.*?)⟧", re.DOTALL)
_HEX = "3f9a7c1e5b2d8f4a6c0e9b7d5a3f1c8e"

# What is to be found is marked by hand: ⟦KIND:text⟧. Among it are near misses that such searches
# are known to take for the real thing; some rules were made after seeing these texts.
LABELLED = f"""
My key is ⟦API_KEY:sk-proj-{_HEX}AbCdEf⟧, do not tell.
export ANTHROPIC_API_KEY=⟦API_KEY:sk-ant-api03-{_HEX}-{_HEX}AA⟧
DEEPSEEK_API_KEY: "⟦API_KEY:sk-{_HEX}⟧"
aws_access_key_id = ⟦API_KEY:AKIAIOSFODNN7EXAMPLE⟧
git clone https://⟦API_KEY:ghp_16C7e42F292c6912E7710c838347Ae178B4a⟧@github.com/a/b
token ⟦API_KEY:github_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsT⟧ expired
glab auth --token ⟦API_KEY:glpat-xY3zAb9QwErTy7UiOp12⟧
slack: ⟦API_KEY:xoxb-263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1⟧
maps?key=⟦API_KEY:AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe⟧&q=x
stripe ⟦API_KEY:sk_live_4eC39HqLyjWDarjtT1zdp7dc⟧
⟦API_KEY:hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789⟧ is my Hugging Face token
阿里云密钥⟦API_KEY:LTAI5tAbCdEfGh1234567890⟧请保密
Authorization: Bearer ⟦TOKEN:abcDEF123456.ghi-789_~⟧
curl -H "authorization: bearer ⟦TOKEN:{_HEX}⟧" example.org
Authorization: Basic ⟦TOKEN:dXNlcjpwYXNzd29yZA==⟧
cookie=⟦TOKEN:eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P⟧;
postgresql://seatrial:⟦PASSWORD:s3cr3t!⟧@db.example.org:5432/app
redis://:⟦PASSWORD:hunter2⟧@cache:6379/0
Write to ⟦EMAIL:ana.lee+test@mail.example.co.uk⟧.
(⟦EMAIL:bob@example.com⟧, ⟦EMAIL:c_d-e@sub.example.org⟧)
请发邮件到⟦EMAIL:zhang.wei@example.com.cn⟧谢谢
<⟦EMAIL:x@y.io⟧>; mailto:⟦EMAIL:info@example.travel⟧?subject=hi
Card ⟦CARD:4111 1111 1111 1111⟧ exp 12/27
amex ⟦CARD:3782-822463-10005⟧, visa ⟦CARD:4012888888881881⟧
mc: ⟦CARD:5555-5555-5555-4444⟧ and ⟦CARD:2223003122003222⟧.
order 1234 ⟦CARD:6011 1111 1111 1117⟧
卡号⟦CARD:6222021234567890128⟧，有效期
IBAN ⟦IBAN:DE89 3704 0044 0532 0130 00⟧ BIC COBADEFFXXX
pay to ⟦IBAN:GB82WEST12345698765432⟧ today
⟦IBAN:NO9386011117947⟧ / ⟦IBAN:FR1420041010050500013M02606⟧
⟦IBAN:BE68 5390 0754 7034⟧ AND MORE
身份证⟦ID_NUMBER:11010519491231002X⟧，女
ID: ⟦ID_NUMBER:440524188001010014⟧ is too old to be one
id_card=⟦ID_NUMBER:110101199003070273⟧;
手机⟦PHONE:13812345678⟧，微信同号
电话：⟦PHONE:+86 139 1234 5678⟧ 或 ⟦PHONE:010-62345678⟧
⟦PHONE:86-15912345678⟧
call ⟦PHONE:(415) 555-2671⟧ or ⟦PHONE:415-555-2671⟧
phone: ⟦PHONE:+1 415 555 2671⟧, office ⟦PHONE:+44 20 7946 0958⟧
Tel. ⟦PHONE:+49 (0)30 901820⟧; fax ⟦PHONE:0033 1 42 68 53 00⟧
mobile ⟦PHONE:+8613800138000⟧.
The skill sk-learn-something-rather-long has no key in it.
class="sk-estimator-doc-link-container"
He is a bearer of internationalization and bearer authentication.
basic understanding of tokens
version 1.2.3 of 2026-11-26 at 10:15:30, build 20261126101530
The order number is 4111111111111112, not a card.
0000 0000 0000 0000 and 1111111111111111
tracking 9400 1000 0000 0000 0000 00
sha256 {_HEX}{_HEX}
uuid 123e4567-e89b-12d3-a456-426614174000
timestamp 1700000000 and 1700000000000 ms
IP 192.168.100.200 and 10.0.0.1:8080
DE00 3704 0044 0532 0130 00 does not check
a@b is no address, nor is @someone or user@localhost
pi is 3.14159265358979323846
ISBN 978-3-16-148410-0, EAN 4006381333931
身份证110105194912310021错误
price: $1,299.00; 2,345,678 users; 99.9 %
see https://example.org:8443/a@2x.png
temperature 0.7, max_tokens 4096, seed 1234567
import foo_bar; x = y @ z
route 1-2-3, room 415-555
数字12345678901不是手机号
http://host/path:8080 and git@github.com:a/b.git
"""

# Written after the rules, which were not changed for them.
HELD_OUT = f"""
config: {{"openai": "⟦API_KEY:sk-svcacct-{_HEX}_{_HEX}⟧"}}
GROQ=⟦API_KEY:gsk_{_HEX}{_HEX}⟧ OPENROUTER=⟦API_KEY:sk-or-v1-{_HEX}{_HEX}⟧
X-Amz-Credential=⟦API_KEY:ASIAQ3EGR4XYZ7ABCDEF⟧/20261126
headers = {{'Authorization': 'Bearer ⟦TOKEN:gAAAAABnZ-{_HEX}⟧'}}
mysql://root:⟦PASSWORD:p%40ss⟧@10.0.0.5/db?x=1
Contact: ⟦EMAIL:Jean-Luc.Picard@starfleet.example.fr⟧; cc ⟦EMAIL:o'⟧
联系人：李雷，电话⟦PHONE:186 1234 5678⟧，邮箱⟦EMAIL:lilei@qq.com⟧
旧身份证号⟦ID_NUMBER:320311770706001⟧
客服⟦PHONE:0755-26512345⟧，传真⟦PHONE:(021) 61234567⟧
付款账号⟦CARD:6225 8801 2345 6783⟧
Überweisung an ⟦IBAN:AT61 1904 3002 3457 3201⟧, Danke
Bel me: ⟦PHONE:+31 6 12345678⟧ / ⟦PHONE:06-12345678⟧
My number's ⟦PHONE:+91-98765-43210⟧ (India)
call ⟦PHONE:1-800-555-0199⟧ toll free
Ring ⟦PHONE:020 7946 0958⟧ in London
invoice 2026-0001-2345, PO 4500012345, SKU 1234-5678-9012
commit 9fceb02d0ae598e95dc970b74767f19372d61af8
lat 52.520008, lon 13.404955; 2026-11-26T10:15:30+08:00
The bearer of this letter, Mr. Smith, is a token gesture.
GET /v1/models HTTP/1.1 200 1532 0.013
sk-SK is a locale, sk-01 a street
IMEI 490154203237518 of the phone
"""
HELD_OUT = HELD_OUT.replace("⟦EMAIL:o'⟧", "no one")

# The last line's git@github.com is an address in form: it counts as one below.
LABELLED = LABELLED.replace("git@github.com", "⟦EMAIL:git@github.com⟧")


def labelled(text: str = LABELLED) -> list[tuple[str, list[Found]]]:
    """Each line without its marks, and what they mark."""
    lines = []
    for line in text.strip().splitlines():
        plain, wanted, end = "", [], 0
        for match in _MARK.finditer(line):
            plain += line[end : match.start()]
            wanted.append(Found(len(plain), len(plain) + len(match[2]), Sensitive(match[1])))
            plain += match[2]
            end = match.end()
        lines.append((plain + line[end:], wanted))
    return lines


def scores(text: str) -> tuple[float, float, int]:
    """Precision, recall, and how many there are to be found."""
    right = wrong = missed = 0
    for line, wanted in labelled(text):
        got = set(found(line))
        right += len(got & set(wanted))
        wrong += len(got - set(wanted))
        missed += len(set(wanted) - got)
    return right / (right + wrong), right / (right + missed), right + missed


def test_precision_and_recall_over_labelled_texts():
    precision, recall, n = scores(LABELLED)
    assert n >= 50
    assert precision >= 0.98
    assert recall >= 0.98


def test_precision_and_recall_over_texts_that_no_rule_was_made_for():
    """Missed: a Chinese number of the old form, Dutch and British numbers without a country.
    Wrong: the number of a device, which has the check digit of a card."""
    precision, recall, n = scores(HELD_OUT)
    assert n >= 19
    assert precision >= 0.9
    assert recall >= 0.8


@pytest.mark.parametrize(("line", "wanted"), labelled())
def test_nothing_secret_is_left_and_nothing_plain_is_called_a_secret(line, wanted):
    secrets = {Sensitive.API_KEY, Sensitive.TOKEN, Sensitive.PASSWORD, Sensitive.PRIVATE_KEY}
    assert [one for one in found(line) if one.kind in secrets] == [
        one for one in wanted if one.kind in secrets
    ]


_BODY = "\n".join(["MIIEpAIBAAKCAQEA7bq" + "A" * 45] * 10)


@pytest.mark.parametrize("name", ["RSA ", "EC ", "OPENSSH ", "", "ENCRYPTED "])
def test_a_private_key_is_found_whole(name):
    key = f"-----BEGIN {name}PRIVATE KEY-----\n{_BODY}\n-----END {name}PRIVATE KEY-----"
    assert found(f"a\n{key}\nb") == [Found(2, 2 + len(key), Sensitive.PRIVATE_KEY)]


def test_a_private_key_that_is_cut_off_is_found_as_far_as_it_goes():
    head = f"-----BEGIN PRIVATE KEY-----\n{_BODY}"
    (one,) = found(head)
    assert (one.start, one.end) == (0, len(head))
    two = found(f"{head}\n{head}\n-----END PRIVATE KEY-----")
    assert [piece.kind for piece in two] == [Sensitive.PRIVATE_KEY] * 2


def test_a_key_within_json_is_found():
    key = r"-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq\nAAAA\n-----END PRIVATE KEY-----\n"
    text = '{"private_key": "' + key + '"}'
    (one,) = found(text)
    assert text[one.start : one.end].endswith("-----END PRIVATE KEY-----")


@given(st.integers(0, 10**15 - 1))
def test_exactly_one_digit_completes_a_card(number):
    assert sum(luhn(f"{number:015}{digit}") for digit in range(10)) == 1


@given(st.integers(0, 10**18 - 1))
def test_a_wrong_digit_in_an_account_is_noticed(number):
    account = f"{number:018}"
    check = 98 - int(f"{account}1314{0:02}") % 97
    good = f"DE{check:02}{account}"
    assert iban(good)
    place = 4 + number % 18
    wrong = good[:place] + str((int(good[place]) + 1) % 10) + good[place + 1 :]
    assert not iban(wrong)


@given(
    st.dates(min_value=__import__("datetime").date(1900, 1, 1)),
    st.integers(110000, 659999),
    st.integers(0, 999),
)
def test_exactly_one_sign_completes_a_residents_number(born, place, number):
    begun = f"{place}{born:%Y%m%d}{number:03}"
    assert sum(chinese_id(begun + sign) for sign in "0123456789X") == 1


@given(st.text(max_size=300) | st.text("0123456789 -@.eyJ:/sk_DEAZ+", max_size=300))
def test_what_is_found_is_in_the_text_in_order_and_apart(text):
    end = 0
    for one in found(text):
        assert end <= one.start < one.end <= len(text)
        end = one.end


HOSTILE = [
    "a", "@", "a@", "a.", "a@a.", "1", "1 ", "1-", "4111 1111 1111 1112 ", "eyJ", "eyJaaaaaaaa.",
    "sk-", "sk-a", "bearer ", "Bearer a", "authorization: basic ", "://a:", "://", "DE89 ",
    "DE89370400440532013001 ", "DE", "+1", "+1 ", "(", "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----a ", "-----END PRIVATE KEY-----", "-----BEGIN RSA ", "xoxb-1",
    "SG.aaaaaaaaaaaaaaaa.", "11010519491231002", "138123456", "0 ", "ghp_", "中1", " ",
    "a" * 63 + ".", "a@" + ("a" * 63 + ".") * 9,
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE, ids=lambda unit: repr(unit[:30]))
def test_a_hostile_text_takes_time_that_is_linear_in_its_length(unit):
    def cpu_s(length: int) -> float:
        text = (unit * (length // len(unit) + 1))[:length]
        began = time.process_time()
        found(text)
        return time.process_time() - began

    assert cpu_s(1_000_000) < 4.0  # a quadratic search of a text this long takes hours
