"""Whether a server says that a commit is done before it is on disk. Then a 2xx would be a lie."""

from __future__ import annotations

from typing import Final, TypeAlias

from sqlalchemy import Connection, text

_Questions: TypeAlias = dict[str, tuple[str, tuple[str, ...]]]

#: What to ask a server, and the answers after which a commit survives a power cut. Others may be
#: right for storage of another kind; who runs that knows it.
_POSTGRES: Final[_Questions] = {
    "fsync": ("SELECT current_setting('fsync')", ("on",)),
    "synchronous_commit": (
        "SELECT current_setting('synchronous_commit')",
        ("on", "local", "remote_write", "remote_apply"),
    ),
}
_MYSQL: Final[_Questions] = {
    "innodb_flush_log_at_trx_commit": ("SELECT @@innodb_flush_log_at_trx_commit", ("1",)),
    "sync_binlog": ("SELECT CASE WHEN @@log_bin THEN @@sync_binlog ELSE 1 END", ("1",)),
}
_SQLITE: Final[_Questions] = {"synchronous": ("PRAGMA synchronous", ("2", "3"))}
_QUESTIONS: Final = {
    "sqlite": _SQLITE,
    "postgresql": _POSTGRES,
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
}


def weak_settings(connection: Connection) -> list[str]:
    """The settings under which a power cut can take back what was committed, as ``name=value``."""
    weak = []
    for name, (question, good) in _QUESTIONS[connection.dialect.name].items():
        said = str(connection.execute(text(question)).scalar_one())
        if said not in good:
            weak.append(f"{name}={said}")
    return weak
