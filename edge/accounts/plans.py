"""
What accounts have paid for: their plans, and how large a file each of them lets in.

Who has none is on the installation's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge.accounts.store import Accounts


class Plan(StrEnum):
    """The plans, as Picora calls them; ``free`` hosts no audio."""

    FREE = "free"
    PRO = "pro"
    PRO_PLUS = "pro_plus"


class PlanRequired(Exception):
    """The account's plan does not host audio."""

    def __init__(self, plan: Plan, enough: tuple[Plan, ...]) -> None:
        super().__init__(f"Audio hosting requires the plan {' or '.join(enough)}; this is {plan}.")
        self.plan = plan
        self.enough = enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """Who may bring how large files; a plan that ``most_file_bytes`` lacks brings none."""

    accounts: Accounts
    default: Plan
    most_file_bytes: Mapping[Plan, int]

    async def of(self, account: str) -> Plan:
        """Tell an account's plan."""
        known = await self.accounts.get(account)
        if known is None or known.plan is None:
            return self.default
        return Plan(known.plan)

    async def file_bytes(self, account: str) -> int:
        """
        Tell how large a file an account may bring.

        Raises:
            PlanRequired: It may bring none.
        """
        plan = await self.of(account)
        most = self.most_file_bytes.get(plan)
        if most is None:
            raise PlanRequired(plan, tuple(self.most_file_bytes))
        return most
