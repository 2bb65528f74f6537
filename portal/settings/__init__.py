"""Every setting, read from the environment; docs/configuration.md lists the variables.

Without `DATABASE_URL` this is the embedded installation: SQLite, Celery over the file system,
files and mail below `var/`, and no server to install. With it, nothing is assumed any more:
`REDIS_URL`, `SECRET_KEY` and `ALLOWED_HOSTS` are demanded too.
"""

from portal.settings.base import *
from portal.settings.clock import *
from portal.settings.data import *
from portal.settings.files import *
from portal.settings.learning import *
from portal.settings.people import *
from portal.settings.running import *
from portal.settings.site import *
from portal.settings.transport import *
from portal.settings.work import *
