"""Tests of how legs on one core are measured."""
