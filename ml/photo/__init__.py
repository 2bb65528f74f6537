"""The photo track: native crops of a picture, what is measured in them, and who is asked."""
