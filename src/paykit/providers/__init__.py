"""One file per provider. Load them by name through :mod:`paykit.registry`, or import them."""
