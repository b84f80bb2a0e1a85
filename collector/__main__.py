"""`python -m collector`: import and run `collector.program`."""

from __future__ import annotations

from runtime.process import loading


def main() -> None:
    """Run the collector."""
    with loading("collector"):
        from collector.program import main as run  # noqa: PLC0415 - a Ctrl-C may interrupt it
    run()


if __name__ == "__main__":
    main()
