"""The site, piece by piece: people, access, configuration, health."""
