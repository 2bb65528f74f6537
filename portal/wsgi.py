"""Where a web server enters."""

import os

from django.core.wsgi import get_wsgi_application

from portal.metrics import measure
from portal.patience import patient, watch

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = patient(get_wsgi_application(), watch)
measure()
