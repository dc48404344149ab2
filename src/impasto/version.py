"""The version, in one place, and those of what Impasto stands on."""

__version__ = "0.1.0"


def installed(distribution: str) -> str:
    """The installed version of another distribution, or "" if it is not there."""
    import importlib.metadata

    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
