"""`python -m lab.cramped_api`: an api with a low limit of open files."""

from __future__ import annotations

import resource

from api.app import main

OPEN_FILES = 128

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    main()
