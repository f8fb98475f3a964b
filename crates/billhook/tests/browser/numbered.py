"""The mark of a check."""


def check(*numbers):
    """Says which numbered checks a function is."""

    def mark(function):
        function.numbers = numbers
        return function

    return mark
