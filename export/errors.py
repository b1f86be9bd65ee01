"""Every error `genred export` raises on purpose; `export.command.reported` turns each into one line and an exit code.

ExportError                      70  internal
├── InputUnusable                64  what the command line names cannot be used: data, files, options
├── DependencyMissing            69  an optional package, or something outside, is not there
├── SettingsUnusable             78  a settings file or a value in it
├── CannotWrite                  70  no space, no permission: what was begun is removed
└── ProofFailed                  70  what was made does not compute what it must; nothing was written
"""


class ExportError(Exception):
    """Base of the tree; the message says what, where, and what to do, one line a problem."""

    exit_code = 70


class InputUnusable(ExportError):
    """Data, files or options that cannot be used."""

    exit_code = 64


class DependencyMissing(ExportError):
    """An optional package or a program is not installed, or an address cannot be reached."""

    exit_code = 69


class SettingsUnusable(ExportError):
    """A settings file, or a value in it, that cannot be used; the message names the key."""

    exit_code = 78


class CannotWrite(ExportError):
    """The disk is full, or the place cannot be written."""


class ProofFailed(ExportError):
    """A conversion or an import does not agree with its original."""
