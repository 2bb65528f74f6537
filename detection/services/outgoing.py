"""The rules for requests to addresses that people named, as the settings have them."""

from django.conf import settings

from detection.outbound import OutboundRefused, Rules, address_parse


def outbound_rules(*, seconds: float, max_bytes: int = 0) -> Rules:
    """Return the rules for a request that may take so long, in seconds, and bring so much."""
    return Rules(
        ports=settings.OUTBOUND_PORTS,
        networks=settings.OUTBOUND_ALLOW_NETWORKS,
        seconds=seconds,
        max_bytes=max_bytes,
        user_agent=f"Veripix/{settings.VERSION}",
    )


def address_trouble(url: str) -> OutboundRefused | None:
    """Return what is wrong with an address, as far as it can be told without asking anybody."""
    try:
        address_parse(url, outbound_rules(seconds=1))
    except OutboundRefused as refused:
        return refused
    return None
