"""Dollars, as people read them."""


def usd(dollars: float) -> str:
    """Money: to the hundredth of a cent, and below a tenth of one to the millionth of a dollar.

    >>> usd(4.95074), usd(0.000123), usd(0.0)
    ('$4.9507', '$0.000123', '$0.0000')
    """
    return f"${dollars:,.6f}" if 0 < dollars < 0.001 else f"${dollars:,.4f}"
