"""The science, tested with one tiny 8x8 network and generated images."""
