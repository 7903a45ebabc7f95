"""Lifters that are trained: Uplift-and-Upsample, anatomy-aware lifting, and one of our own."""
