"""Drawings that one or two notebooks need and that belong to no other room: arrays in, matplotlib out."""
