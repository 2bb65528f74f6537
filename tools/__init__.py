"""What prepares and checks a working copy; nothing here ships with the portal."""
