"""``python -m bench`` runs every bench, one after another."""

from __future__ import annotations

import sys

from bench import cold_request, engine, first_segment, memory


def main() -> int:
    """Run all benches with their defaults, or with the arguments given to all."""
    arguments = sys.argv[1:]
    for bench in (engine, cold_request, first_segment, memory):
        bench.main(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
