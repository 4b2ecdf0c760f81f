"""Databases as Django's settings have them."""

from sqlalchemy import make_url

ENGINES = {"sqlite": "sqlite3", "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}


def django_database(url):
    """A URL of SQLAlchemy's as one of ``DATABASES``."""
    parsed = make_url(url)
    engine = ENGINES[parsed.get_backend_name()]
    if engine == "mysql":  # the driver of Django's choice has to be compiled
        import pymysql

        pymysql.install_as_MySQLdb()
    return {
        "ENGINE": f"django.db.backends.{engine}",
        "NAME": parsed.database,
        "USER": parsed.username or "",
        "PASSWORD": parsed.password or "",
        "HOST": parsed.host or "",
        "PORT": str(parsed.port or ""),
    }
