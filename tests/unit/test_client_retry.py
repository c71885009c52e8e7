"""When a failed call is repeated: the decisions by themselves."""

import errno

import pytest

from moromi.client.retry import RetryPolicy
from moromi.client.trouble import Failure, classify, mask_secrets


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionResetError(errno.ECONNRESET, "reset"), Failure.DROPPED),
        (BrokenPipeError(errno.EPIPE, "pipe"), Failure.DROPPED),
        (OSError(errno.ECONNABORTED, "aborted"), Failure.DROPPED),
        (ValueError("('Connection aborted.', RemoteDisconnected('no response'))"), Failure.DROPPED),
        (ValueError("IncompleteRead(3 bytes read)"), Failure.DROPPED),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Failure.OTHER),
        (TimeoutError("slow"), Failure.SILENT),
        (OSError("SSL: CERTIFICATE_VERIFY_FAILED certificate verify failed"), Failure.CERTIFICATE),
    ],
)
def test_classify(error: Exception, kind: Failure) -> None:
    assert classify(error) is kind
    wrapper = RuntimeError("outer")
    wrapper.__cause__ = error
    assert classify(wrapper) is kind
    assert classify(RuntimeError(error)) is kind


def test_first_retry_comes_at_once_and_patience_ends() -> None:
    policy = RetryPolicy(max_retries=3, interval=20)
    assert [policy.delay(n, logged_in=True) for n in (1, 2, 3, 4)] == [0, 20, 20, None]


def test_patience_is_a_time_too() -> None:
    policy = RetryPolicy(interval=20, patience=50)
    assert [policy.delay(n, True, since) for n, since in enumerate((0, 1, 21, 41, 50), 1)] == [
        0,
        20,
        20,
        9,
        None,
    ]


def test_anonymous_calls_are_retried_on_request_only() -> None:
    assert RetryPolicy().delay(1, logged_in=False) is None
    assert RetryPolicy(anonymous=True).delay(1, logged_in=False) == 0


def test_masking() -> None:
    text = "http://me:pw@hub/x?session-id=7&session-key=1-abc&callnum=3 refused"
    assert mask_secrets(text) == (
        "http://me:XXXXX@hub/x?session-id=XXXXX&session-key=XXXXX&callnum=XXXXX refused"
    )
    assert mask_secrets("no answer at http://127.0.0.1:8080/x@y") == "no answer at http://127.0.0.1:8080/x@y"
