"""What an account may still have made this month."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from edge.accounts.store import Accounts
from edge.billing.store import Ledger
from edge.jobs.store import Jobs

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """
    What an account has and has used of this *month*, in billed seconds.

    ``promised`` is what its running jobs are expected to be billed; a quota of None is unlimited.
    """

    month: str
    quota_seconds: int | None
    used: Fraction
    promised: Fraction

    @property
    def left(self) -> Fraction | None:
        """Billed seconds that are neither used nor promised, None for any number."""
        if self.quota_seconds is None:
            return None
        return max(Fraction(0), self.quota_seconds - self.used - self.promised)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Quotas of processing; ``default_seconds`` is for accounts that have none of their own."""

    accounts: Accounts
    ledger: Ledger
    jobs: Jobs
    default_seconds: int | None

    async def quota_seconds(self, account: str) -> int | None:
        """Tell an account's quota a month, None for any number."""
        own = await self.accounts.get(account)
        if own is None or own.quota_seconds is None:
            return self.default_seconds
        return own.quota_seconds

    async def balance(self, account: str) -> Balance:
        """Tell what an account has and has used."""
        total = await self.ledger.month_total(account)
        return Balance(
            month=total.month,
            quota_seconds=await self.quota_seconds(account),
            used=total.billed_seconds,
            promised=Fraction(await self.jobs.reserved_us(account), _MICROSECONDS),
        )
