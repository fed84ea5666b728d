"""The errors a user can cause. The command line prints each as one message, without a traceback."""


class NerfzipError(Exception):
    """Bad input: the message names the file, field or key, what was found and what was expected."""


class CaptureError(NerfzipError):
    """A capture on disk that is incomplete or inconsistent."""


class BitstreamError(NerfzipError):
    """A bitstream that is damaged, hostile or of an unknown version."""


class ConfigError(NerfzipError):
    """An unknown name or an impossible setting."""


class TrainingError(NerfzipError):
    """An optimisation that can't go on, for example one that emptied the whole grid."""


def require_setting(condition: bool, name: str, value: object, expected: str) -> None:
    """Raise ConfigError, saying what was found and expected, unless the condition holds."""
    if not condition:
        raise ConfigError(f"{name}: {value!r}, expected {expected}")
