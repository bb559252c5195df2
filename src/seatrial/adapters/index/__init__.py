"""Indexes of documents in folders of one drive."""
