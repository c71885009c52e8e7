"""`python -m moromi_builder` is `moromi-builder`."""

import sys

from moromi_builder.main import main

sys.exit(main())
