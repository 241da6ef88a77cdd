"""Measurements, one module a subject: ``measure(args)`` runs it and returns rows."""
