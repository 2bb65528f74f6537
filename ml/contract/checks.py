"""How a value of the contract refuses what it must not hold."""

from ml.errors import ContractError


def require(condition: bool, field: str, wanted: str, received: object) -> None:
    """Raise `ContractError` unless `condition` holds."""
    if not condition:
        raise ContractError("invalid_field", f"{field} must be {wanted}. Received: {received!r}.")
