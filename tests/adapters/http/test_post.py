"""One POST with every bound."""

import ssl
import time

import pytest
import trustme

from seatrial.adapters.http.post import MAX_ANSWER_BYTES, checked_url, post, shown
from seatrial.monitoring.alerts.notify import NotificationRefused, SinkInvalid, SinkUnavailable


def sent(hooks, **more):
    return post(more.pop("url", hooks.url), b"{}", {"X-Own": "1"}, timeout_s=5, **more)


def test_body_and_heads_arrive(hooks):
    reply = sent(hooks, url=hooks.url + "?key=1")
    assert (reply.status, reply.body) == (200, "ok")
    (taken,) = hooks.taken
    assert taken.path == "/hooks/SECRET-PATH?key=1"
    assert (taken.headers["x-own"], taken.body) == ("1", b"{}")


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 503])
def test_what_may_pass_or_be_corrected_is_tried_again(hooks, status):
    hooks.status = status
    with pytest.raises(SinkUnavailable, match=str(status)):
        sent(hooks)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_speaks_of_the_body_is_not(hooks, status):
    hooks.status = status
    with pytest.raises(NotificationRefused, match=str(status)):
        sent(hooks)


def test_redirects_are_not_followed(hooks):
    hooks.status = 302
    hooks.headers = {"Location": f"http://127.0.0.1:{hooks.port}/elsewhere"}
    with pytest.raises(SinkUnavailable, match="302, a redirect, which is not followed"):
        sent(hooks)
    assert hooks.n_requests == 1


def test_the_wait_a_busy_server_asks_for_is_passed_on(hooks):
    hooks.status = 429
    hooks.headers = {"Retry-After": "17"}
    with pytest.raises(SinkUnavailable) as busy:
        sent(hooks)
    assert busy.value.facts["retry_after_s"] == 17.0


def test_a_date_in_its_place_is_not_understood_and_does_no_harm(hooks):
    hooks.status = 503
    hooks.headers = {"Retry-After": "Wed, 21 Oct 2030 07:28:00 GMT"}
    with pytest.raises(SinkUnavailable) as busy:
        sent(hooks)
    assert busy.value.facts["retry_after_s"] == 0.0


def test_an_answer_without_end_is_cut(hooks):
    hooks.answer = b"x" * (MAX_ANSWER_BYTES * 4)
    assert len(sent(hooks).body) == MAX_ANSWER_BYTES


def test_a_server_that_drips_its_answer_is_left_at_the_deadline(hooks):
    hooks.drip_s = 0.02
    begun = time.monotonic()
    post(hooks.url, b"{}", {}, timeout_s=0.3)
    assert time.monotonic() - begun < 5


def test_a_server_that_is_not_there_is_unavailable_and_its_address_is_not_told():
    url = "http://127.0.0.1:9/hooks/SECRET-PATH?token=SECRET"
    with pytest.raises(SinkUnavailable, match=r"http://127\.0\.0\.1 did not answer") as failed:
        post(url, b"{}", {}, timeout_s=2)
    assert "SECRET" not in str(failed.value)
    assert "SECRET" not in str(failed.value.facts)


def test_an_answer_that_repeats_the_address_does_not_give_it_away(hooks):
    hooks.status = 400
    hooks.answer = b"no such hook: /hooks/SECRET-PATH"
    with pytest.raises(NotificationRefused) as refused:
        sent(hooks)
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "ftp://example.com/",
        "//example.com/",
        "https://",
        "http://example.com:99999/",
        "http://example.com/a b",
        "http://example.com/\r\nX-Evil: 1",
        "http://[::1",
        "http://user:hunter2@example.com/",
    ],
)
def test_only_whole_http_addresses_are_taken(url):
    with pytest.raises(SinkInvalid) as invalid:
        checked_url(url)
    assert "hunter2" not in str(invalid.value)
    assert "passwd" not in str(invalid.value)


def test_a_message_names_scheme_and_host_only():
    assert shown("https://hooks.slack.com/services/T0/B0/xyz") == "https://hooks.slack.com"
    assert shown("http://[::1") == "hidden"


def test_a_proxy_gets_the_whole_address(hooks):
    proxy = f"http://127.0.0.1:{hooks.port}"
    post("http://hooks.example/path?a=1", b"{}", {}, timeout_s=5, proxy=proxy)
    (taken,) = hooks.taken
    assert taken.path == "http://hooks.example/path?a=1"
    assert taken.headers["host"] == "hooks.example"


def test_https_asks_the_proxy_for_a_tunnel(hooks):
    proxy = f"http://127.0.0.1:{hooks.port}"
    with pytest.raises(SinkUnavailable):
        post("https://hooks.example/path", b"{}", {}, timeout_s=5, proxy=proxy)
    assert hooks.tunnels == ["hooks.example:443"]


def test_a_certificate_nobody_vouches_for_is_refused(hooks):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    hooks.encrypt(context)
    with pytest.raises(SinkUnavailable, match="SSLCertVerificationError"):
        post(hooks.url.replace("http:", "https:"), b"{}", {}, timeout_s=5)
    assert hooks.n_requests == 0


def test_https_arrives_when_the_certificate_is_trusted(hooks, tmp_path, monkeypatch):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    hooks.encrypt(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    url = hooks.url.replace("http:", "https:")
    assert post(url, b"{}", {}, timeout_s=5).status == 200
    hooks.drip_s = 0.02
    begun = time.monotonic()
    post(url, b"{}", {}, timeout_s=0.3)
    assert time.monotonic() - begun < 5
