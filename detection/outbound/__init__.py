"""Requests to addresses that strangers named: never into one's own network, never without an end.

Whoever may name an address that a server then opens can look with the server's eyes: at its own
ports, at the cloud's metadata, at the neighbours. So the name is resolved here, every answer has to
lie in the public internet, and the connection goes to the very address that was looked at.
"""

from detection.outbound.addresses import Address, Resolver, address_parse, addresses_of, is_public
from detection.outbound.contract import OutboundRefused, Rules
from detection.outbound.exchange import Answer, Fetched, fetch_image, post

__all__ = [
    "Address",
    "Answer",
    "Fetched",
    "OutboundRefused",
    "Resolver",
    "Rules",
    "address_parse",
    "addresses_of",
    "fetch_image",
    "is_public",
    "post",
]
