"""Signatures, by the example of the specification and by the library that receivers use."""

from __future__ import annotations

import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from edge.library.webhooks.signature import new_secret, signed_headers

# https://www.standardwebhooks.com, "Verifying webhook authenticity": the example of its libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_example_of_the_specification_is_signed_alike() -> None:
    assert signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY, [SECRET]) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_secret_signs_and_a_stranger_does_not() -> None:
    new, old, other = new_secret(), new_secret(), new_secret()

    headers = signed_headers("01M", int(time.time()), BODY, [new, old])

    assert Webhook(new).verify(BODY, headers) == Webhook(old).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError, match="No matching"):
        Webhook(other).verify(BODY, headers)


@pytest.mark.parametrize("changed", ["webhook-id", "body"])
def test_what_is_changed_is_not_signed(changed: str) -> None:
    secret = new_secret()
    headers = signed_headers("01M", int(time.time()), BODY, [secret])
    body = BODY + b" " if changed == "body" else BODY
    headers = {**headers, "webhook-id": "01N"} if changed == "webhook-id" else headers

    with pytest.raises(WebhookVerificationError, match="No matching"):
        Webhook(secret).verify(body, headers)
