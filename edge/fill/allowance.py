"""What an account may still have made this month."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from edge.accounts.store import Accounts
from edge.billing.store import Ledger
from edge.jobs.store import Jobs

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Quotas of processing; ``default_seconds`` is for accounts that have none of their own."""

    accounts: Accounts
    ledger: Ledger
    jobs: Jobs
    default_seconds: int | None

    async def left_seconds(self, account: str) -> Fraction | None:
        """Tell how many billed seconds are neither used nor promised, None for any number."""
        own = await self.accounts.get(account)
        has_own = own is not None and own.quota_seconds is not None
        quota = own.quota_seconds if own is not None and has_own else self.default_seconds
        if quota is None:
            return None
        used = (await self.ledger.month_total(account)).billed_seconds
        promised = Fraction(await self.jobs.reserved_us(account), _MICROSECONDS)
        return max(Fraction(0), quota - used - promised)
