"""Sizes of files in decimal units, as settings, limits and the scripts of pages have them."""

from django import template

register = template.Library()


@register.filter
def size_of(count: int | None) -> str:
    """Return a number of bytes as "812 bytes", "64 kB", "4.2 MB" or "1.9 GB"; a dash for none."""
    if count is None:
        return "—"
    if count < 1000:
        return f"{count} byte{'' if count == 1 else 's'}"
    for unit, factor in (("kB", 1e3), ("MB", 1e6)):
        # What would be rounded up to a thousand has the next unit.
        if count < 999.5 * factor:
            return f"{count / factor:.{1 if count < 9.95 * factor else 0}f} {unit}"
    return f"{count / 1e9:.1f} GB"
