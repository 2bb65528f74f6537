"""The science of Veripix: images in, calibrated probabilities and heatmaps out, with no web around it."""
