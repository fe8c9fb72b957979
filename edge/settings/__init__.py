"""
Every setting of the program: its name, what it accepts, and where its value comes from.

Defaults, then a TOML file, then ``EDGE_*`` variables, then the command line; the later one wins.
All are read as the text an operator would type, so a value means the same in all three places,
and all are checked before any is used: a start that fails tells every mistake at once.
"""

from edge.settings.kinds import BucketFolder, IPNetwork, Mount, Price
from edge.settings.load import Mistake, SettingsInvalid, load_settings
from edge.settings.table import DEFAULT_ACCOUNT, SandboxLevel, SettingRow, Settings

__all__ = [
    "DEFAULT_ACCOUNT",
    "BucketFolder",
    "IPNetwork",
    "Mistake",
    "Mount",
    "Price",
    "SandboxLevel",
    "SettingRow",
    "Settings",
    "SettingsInvalid",
    "load_settings",
]
