"""What a token is good for: reading, or handing in, changing and deleting."""

from typing import Any

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

READ, SUBMIT = "read", "submit"


class HasScope(BasePermission):
    """Lets through tokens with the scope that the view asks for.

    `scopes` of a view names it by method; without an entry what only reads asks for `read`, and
    everything else for `submit`.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return `True`, or raise what is answered instead.

        Raises:
            NotAuthenticated: No token was sent.
            PermissionDenied: `wrong_scope`.
        """
        if request.auth is None:
            raise NotAuthenticated("Send a token as 'Authorization: Token <token>'.")
        default = READ if request.method in SAFE_METHODS else SUBMIT
        scope = getattr(view, "scopes", {}).get(request.method, default)
        if not request.auth.has_scope(scope):
            raise PermissionDenied(
                f"This token has not the scope '{scope}', which this takes.", "wrong_scope"
            )
        return True
