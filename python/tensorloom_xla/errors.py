"""Errors that are the user's: told in a line, without a stack."""


class UserError(Exception):
    pass
