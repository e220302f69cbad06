"""The one exception a user may cause and is expected to understand."""


class SpiketwinError(Exception):
    """Something in the input, the configuration or the results cannot be used.

    The message is one line: what was found, what was expected, where to change it.
    The command line prints it and ends with exit code 1.
    """
