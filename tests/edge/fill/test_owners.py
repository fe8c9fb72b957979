from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from edge.fill.owners import OwnerFile, bury

_HOLD = """
import sys, time
from pathlib import Path
from edge.fill.owners import OwnerFile
owner = OwnerFile(Path(sys.argv[1]))
owner.hold()
print(owner.owner, flush=True)
time.sleep(600)
"""


def test_a_living_owner_is_not_buried(tmp_path: Path) -> None:
    owner = OwnerFile(tmp_path / "owners")
    owner.hold()

    assert bury(tmp_path / "owners") == []
    owner.release()
    owner.release()
    assert list((tmp_path / "owners").iterdir()) == []


def test_nobody_is_buried_where_nobody_lived(tmp_path: Path) -> None:
    assert bury(tmp_path / "owners") == []


def test_a_killed_owner_is_buried_once(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        while_alive = bury(tmp_path)
        process.kill()
        process.wait()

    assert while_alive == []
    assert bury(tmp_path) == [name]
    assert bury(tmp_path) == []
