"""`python -m lab.cramped_api`: an api with a low limit of open files."""

from __future__ import annotations

import resource

from api.app import main
from runtime.command_line import STOPPED_OR_FAILED, OneLineParser

OPEN_FILES = 128

if __name__ == "__main__":
    OneLineParser(
        "python -m lab.cramped_api",
        f"Runs the api with a limit of {OPEN_FILES} open files. The settings are those of the api.",
        STOPPED_OR_FAILED,
    ).parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    main()
