"""A server with a telephone."""

from collections.abc import Iterator

import pytest

from callscribe.settings import Settings
from tests.serving import Served, serving
from tests.web.twilio.rest_api import Api, serving_api
from tests.web.twilio.telephone import ACCOUNT, AUTH_TOKEN


@pytest.fixture
def telephone(settings: Settings) -> Settings:
    given = {"twilio_auth_token": AUTH_TOKEN, "twilio_account_sid": ACCOUNT}
    return Settings.model_validate({**settings.model_dump(), **given})


@pytest.fixture
def exchange(telephone: Settings) -> Iterator[Served]:
    with serving(telephone) as running:
        yield running


@pytest.fixture
def api() -> Iterator[Api]:
    with serving_api() as running:
        yield running
