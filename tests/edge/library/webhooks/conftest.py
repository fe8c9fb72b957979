from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.accounts.seal import Seal
from edge.accounts.store import Accounts
from edge.library.webhooks.secrets.store import WebhookSecrets
from edge.library.webhooks.store import Events
from tests.edge.library.webhooks.hearing import ACCOUNT


@pytest.fixture
def events(records: AsyncEngine) -> Events:
    return Events(records)


@pytest.fixture
async def secrets(records: AsyncEngine) -> WebhookSecrets:
    """The secrets of an installation with one account."""
    seal = Seal(bytes(32))
    await Accounts(records, seal).ensure(ACCOUNT)
    return WebhookSecrets(records, seal)
