"""Liver and tumour from six registered sequences: a 3D Res-UNet over overlapping patches.

Imports nothing: a process that only reads the settings of a model needs no torch, which takes 180 MB.
"""
