"""Django's migrations: the numbered steps of the service's own, in their order."""
