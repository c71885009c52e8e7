"""`moromi_hub.wsgi:application` for WSGI servers; the configuration file is `$MOROMI_HUB_CONFIG`."""

from __future__ import annotations

import os

from moromi_hub import settings
from moromi_hub.app import load_application

application = load_application(os.environ.get(settings.CONFIG_VARIABLE, str(settings.DEFAULT_FILE)))
