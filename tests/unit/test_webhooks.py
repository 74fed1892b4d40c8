"""Webhooks: signatures that others verify, delays that grow over a day, URLs that are refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from polyvox.errors import Invalid
from results_api.webhooks.backoff import ATTEMPTS_MAX, delay_after
from results_api.webhooks.signing import PREFIX, SECRET_BYTES, new_secret, signature, signed_headers
from results_api.webhooks.targets import LENGTH_MAX, checked, host_of

BODY = '{"type":"media.completed","data":{"text":"für"}}'.encode()


def test_a_signature_is_what_the_specification_s_library_makes() -> None:
    secret, at = new_secret(), datetime.now(UTC)
    headers = signed_headers(secret, "id-1", at, BODY)
    assert Webhook(secret).verify(BODY, headers) == {"type": "media.completed", "data": {"text": "für"}}
    assert Webhook(secret).sign("id-1", at, BODY.decode()) == headers["webhook-signature"]


@pytest.mark.parametrize(
    "change",
    [{"webhook-id": "id-2"}, {"webhook-timestamp": "1"}, {"webhook-signature": "v1,AAAA"}],
    ids=lambda change: next(iter(change)),
)
def test_what_was_changed_on_the_way_does_not_verify(change: dict[str, str]) -> None:
    secret = new_secret()
    headers = signed_headers(secret, "id-1", datetime.now(UTC), BODY) | change
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)


def test_the_specification_s_own_example() -> None:
    # From the specification's repository, as its libraries test themselves by.
    given = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330)
    assert signature(*given, b'{"test": 2432232314}') == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(20)}
    assert len(made) == 20
    for secret in made:
        assert len(base64.b64decode(secret.removeprefix(PREFIX), validate=True)) == SECRET_BYTES


def test_delays_grow_over_more_than_a_day_and_end() -> None:
    delays = [delay_after(failures, 0.0) for failures in range(1, ATTEMPTS_MAX)]
    assert delays == sorted(delays)
    assert sum(delays, timedelta()) > timedelta(hours=24)
    assert delay_after(ATTEMPTS_MAX, 0.0) is None
    assert timedelta(seconds=5) < delay_after(1, 0.99) < timedelta(seconds=5.5)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com",
        "http://example.com",
        "https://",
        "https://user:password@example.com",
        "https://example.com/#part",
        "https://example.com:99999",
        "https://example.com/\r\nX: y",
        "https://10.1.2.3/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        f"https://example.com/{'a' * LENGTH_MAX}",
    ],
)
def test_what_is_no_target_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        checked(url, private=False)


def test_targets_are_kept_as_they_are_meant() -> None:
    assert checked("https://Example.com/a?b=c", private=False) == "https://example.com/a?b=c"
    assert checked("http://127.0.0.1:8000/hook", private=True) == "http://127.0.0.1:8000/hook"
    assert host_of("https://example.com/services/T0/secret") == "example.com"
    with pytest.raises(Invalid):
        checked("http://169.254.169.254/latest/meta-data", private=True)
