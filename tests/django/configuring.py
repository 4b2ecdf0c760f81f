"""Django's settings for this process: they are made once, and its database is changed in place."""

import functools
import os

from ..support.django_settings import django_database


@functools.cache
def set_up():
    """Let Django begin, with the site's settings."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.django.project.settings"
    import django

    django.setup()


def use(url, *, alias="default", **settings):
    """Let an alias of ``DATABASES`` be this database; threads that begin now see it."""
    from django.db import connections

    from paykit.django import runtime

    runtime.close()
    connections[alias].close()
    connections.settings[alias].update({**django_database(url), "OPTIONS": {}, **settings})
    del connections[alias]


def leave(*, alias="default"):
    """Close what is open in this thread."""
    from django.db import connections

    from paykit.django import runtime

    runtime.close()
    connections[alias].close()
