"""Indexes of documents: built, released, served, looked after."""
