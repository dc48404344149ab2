"""The version of Impasto, and those of its dependencies."""

__version__ = "0.1.0"


def installed(distribution: str) -> str:
    """Return the installed version of a distribution, or "" if it is not installed."""
    import importlib.metadata

    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
