"""The science of Veripix: images in, probabilities and heatmaps out, with no web around it."""
