"""The work, piece by piece: images, verdicts, services, pages, commands, admin panel."""
