"""What Twilio is told to do."""

import pytest

from callscribe.web.twilio.twiml import Addresses, answer, stream_arguments

HERE = Addresses("https://calls.example.com/scribe")


def test_the_addresses_follow_the_public_one() -> None:
    assert HERE.media == "wss://calls.example.com/scribe/twilio/media"
    assert HERE.status == "https://calls.example.com/scribe/twilio/status"
    assert Addresses("http://127.0.0.1:8000").media == "ws://127.0.0.1:8000/twilio/media"


@pytest.mark.parametrize(
    ("dial", "verb"),
    [
        ("", '<Pause length="3600" />'),
        ("+33123456789", "<Dial>+33123456789</Dial>"),
        ("sip:agent@example.com", "<Dial><Sip>sip:agent@example.com</Sip></Dial>"),
        ("client:agent", "<Dial><Client>agent</Client></Dial>"),
        ("<&>", "<Dial>&lt;&amp;&gt;</Dial>"),
    ],
)
def test_a_stream_first_then_the_call_goes_on(dial: str, verb: str) -> None:
    assert answer(HERE, {"token": "t&t"}, dial).endswith(
        '<Response><Start><Stream statusCallback="https://calls.example.com/scribe/twilio/status" '
        'statusCallbackMethod="POST" track="both_tracks" '
        'url="wss://calls.example.com/scribe/twilio/media">'
        f'<Parameter name="token" value="t&amp;t" /></Stream></Start>{verb}</Response>'
    )


def test_the_same_stream_by_rest() -> None:
    assert stream_arguments(HERE, {"token": "t", "language": "fr"}) == {
        "url": HERE.media,
        "track": "both_tracks",
        "status_callback": HERE.status,
        "status_callback_method": "POST",
        "parameter1_name": "token",
        "parameter1_value": "t",
        "parameter2_name": "language",
        "parameter2_value": "fr",
    }
