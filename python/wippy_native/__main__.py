"""`python -m wippy_native` is the `wippy-native` command."""

import sys

from .cli import main

sys.exit(main())
